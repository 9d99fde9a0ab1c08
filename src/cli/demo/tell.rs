//! The story's voice: headings, what happened, a tick or a cross for each thing told.
//!
//! Promises: a cross always says what was expected; colours and lines that vanish are for a
//! terminal alone, and every line is out before the next thing is waited for. Must never judge: it
//! is told what holds. Called by the steps of the story.

use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal, Write},
};

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";

/// Writes the story, and counts what came out otherwise than told.
pub struct Teller {
    out: Box<dyn Write>,
    terminal: bool,
    colours: bool,
    waiting: bool,
    steps: usize,
    missed: usize,
}

impl Teller {
    /// On standard output.
    pub fn on_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            terminal,
            colours: terminal && env::var_os("NO_COLOR").is_none(),
            ..Self::on(Box::new(io::stdout()))
        }
    }

    fn on(out: Box<dyn Write>) -> Self {
        Self {
            out,
            terminal: false,
            colours: false,
            waiting: false,
            steps: 0,
            missed: 0,
        }
    }

    /// How many things came out otherwise.
    pub fn missed(&self) -> usize {
        self.missed
    }

    /// The first line of all.
    pub fn title(&mut self, text: &str) -> io::Result<()> {
        let text = self.paint(BOLD, text);
        self.line(&text)
    }

    /// A new step.
    pub fn step(&mut self, heading: &str) -> io::Result<()> {
        self.steps += 1;
        let heading = self.paint(BOLD, &format!("{}. {heading}", self.steps));
        self.line(&format!("\n{heading}"))
    }

    /// What happens in the club, in words; each line of it is indented.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        for line in text.lines() {
            let line = self.paint(DIM, line);
            self.line(&format!("   {line}"))?;
        }
        Ok(())
    }

    /// Something that came out: with a tick where it is as `expected`, else with a cross.
    pub fn fact(
        &mut self,
        label: &str,
        came: impl Display,
        holds: bool,
        expected: impl Display,
    ) -> io::Result<()> {
        let mark = if holds {
            self.paint(GREEN, "✓")
        } else {
            self.paint(RED, "✗")
        };
        self.line(&format!("   {mark} {label:<8} {came}"))?;
        if !holds {
            self.missed += 1;
            let expected = self.paint(RED, &format!("expected: {expected}"));
            self.line(&format!("     {:<8} {expected}", ""))?;
        }
        Ok(())
    }

    /// Why something came out, below it.
    pub fn because(&mut self, text: &str) -> io::Result<()> {
        let text = self.paint(DIM, text);
        self.line(&format!("     {:<8} {text}", ""))
    }

    /// As `fact`, where what came and what was expected are said in the same words.
    pub fn same(&mut self, label: &str, came: &str, expected: &str) -> io::Result<()> {
        self.fact(label, came, came == expected, expected)
    }

    /// A step that could not be told to its end.
    pub fn broken(&mut self, problem: &anyhow::Error) -> io::Result<()> {
        self.missed += 1;
        let text = self.paint(RED, &format!("✗ the step ended early: {problem:#}"));
        self.line(&format!("   {text}"))
    }

    /// Says on a terminal, until the next line, what is waited for.
    pub fn wait(&mut self, what: &str) -> io::Result<()> {
        if self.terminal && !self.waiting {
            let text = self.paint(DIM, &format!("… {what}"));
            write!(self.out, "   {text}")?;
            self.out.flush()?;
            self.waiting = true;
        }
        Ok(())
    }

    /// How it all came out.
    pub fn ending(&mut self) -> io::Result<()> {
        let text = match self.missed {
            0 => self.paint(
                GREEN,
                &format!("✓ All {} steps came out as told.", self.steps),
            ),
            1 => self.paint(RED, "✗ One thing came out otherwise than told."),
            missed => self.paint(
                RED,
                &format!("✗ {missed} things came out otherwise than told."),
            ),
        };
        self.line(&format!("\n{text}"))
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        if self.waiting {
            self.waiting = false;
            write!(self.out, "\r\x1b[2K")?;
        }
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Rc<RefCell<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(tell: impl FnOnce(&mut Teller) -> io::Result<()>) -> (String, usize) {
        let paper = Paper::default();
        let mut teller = Teller::on(Box::new(paper.clone()));
        tell(&mut teller).unwrap();
        let text = String::from_utf8(paper.0.borrow().clone()).unwrap();
        (text, teller.missed())
    }

    #[test]
    fn a_tick_says_what_came() {
        let (text, missed) = told(|teller| {
            teller.step("A membership begins")?;
            teller.wait("Kisi")?;
            teller.same("Kisi", "holds nothing", "holds nothing")?;
            teller.ending()
        });
        let expected = "\n1. A membership begins\n   ✓ Kisi     holds nothing\n\n\
            ✓ All 1 steps came out as told.\n";
        assert_eq!((text.as_str(), missed), (expected, 0));
    }

    #[test]
    fn a_cross_says_what_was_expected() {
        let (text, missed) = told(|teller| {
            teller.same("Kisi", "holds nothing", "holds Members")?;
            teller.broken(&anyhow::anyhow!("no answer").context("the service"))?;
            teller.ending()
        });
        let expected = "   ✗ Kisi     holds nothing\n              expected: holds Members\n   \
            ✗ the step ended early: the service: no answer\n\n\
            ✗ 2 things came out otherwise than told.\n";
        assert_eq!((text.as_str(), missed), (expected, 2));
    }
}
