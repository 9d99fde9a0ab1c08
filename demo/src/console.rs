//! Terminal output of the story: headings, notes, and a tick or a cross for each check.
//!
//! Contract: a cross always shows the expected result; colours and progress lines appear only on a
//! terminal; every line is flushed before the next wait. Decides nothing: the caller says whether a
//! check passed. Called by the steps of the story.

use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal, Write},
};

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";

/// Writes the story and counts the unexpected results.
pub struct Console {
    out: Box<dyn Write>,
    terminal: bool,
    colours: bool,
    waiting: bool,
    steps: usize,
    missed: usize,
}

impl Console {
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

    /// The number of unexpected results.
    pub fn failed_checks(&self) -> usize {
        self.missed
    }

    /// The first line of the output.
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

    /// Describes what happens at the club; each line is indented.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        for line in text.lines() {
            let line = self.paint(DIM, line);
            self.line(&format!("   {line}"))?;
        }
        Ok(())
    }

    /// A result, with a tick if it holds; else with a cross and `expected` below it.
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

    /// The reason for a result, below it.
    pub fn reason(&mut self, text: &str) -> io::Result<()> {
        let text = self.paint(DIM, text);
        self.line(&format!("     {:<8} {text}", ""))
    }

    /// As `fact`; the check passes if both texts are equal.
    pub fn same(&mut self, label: &str, came: &str, expected: &str) -> io::Result<()> {
        self.fact(label, came, came == expected, expected)
    }

    /// The error that stopped a step.
    pub fn step_failed(&mut self, problem: &anyhow::Error) -> io::Result<()> {
        self.missed += 1;
        let text = self.paint(RED, &format!("✗ the step stopped early: {problem:#}"));
        self.line(&format!("   {text}"))
    }

    /// Shows a progress line on a terminal until the next line is written.
    pub fn wait(&mut self, what: &str) -> io::Result<()> {
        if self.terminal && !self.waiting {
            let text = self.paint(DIM, &format!("… {what}"));
            write!(self.out, "   {text}")?;
            self.out.flush()?;
            self.waiting = true;
        }
        Ok(())
    }

    /// The summary.
    pub fn ending(&mut self) -> io::Result<()> {
        let text = match self.missed {
            0 => self.paint(
                GREEN,
                &format!("✓ All {} steps had the expected result.", self.steps),
            ),
            1 => self.paint(RED, "✗ One result was not as expected."),
            missed => self.paint(RED, &format!("✗ {missed} results were not as expected.")),
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

    fn told(tell: impl FnOnce(&mut Console) -> io::Result<()>) -> (String, usize) {
        let paper = Paper::default();
        let mut console = Console::on(Box::new(paper.clone()));
        tell(&mut console).unwrap();
        let text = String::from_utf8(paper.0.borrow().clone()).unwrap();
        (text, console.failed_checks())
    }

    #[test]
    fn a_passed_check_shows_the_result() {
        let (text, missed) = told(|console| {
            console.step("A membership begins")?;
            console.wait("Kisi")?;
            console.same("Kisi", "holds nothing", "holds nothing")?;
            console.ending()
        });
        let expected = "\n1. A membership begins\n   ✓ Kisi     holds nothing\n\n\
            ✓ All 1 steps had the expected result.\n";
        assert_eq!((text.as_str(), missed), (expected, 0));
    }

    #[test]
    fn a_failed_check_shows_the_expected_result() {
        let (text, missed) = told(|console| {
            console.same("Kisi", "holds nothing", "holds Members")?;
            console.step_failed(&anyhow::anyhow!("no answer").context("the service"))?;
            console.ending()
        });
        let expected = "   ✗ Kisi     holds nothing\n              expected: holds Members\n   \
            ✗ the step stopped early: the service: no answer\n\n\
            ✗ 2 results were not as expected.\n";
        assert_eq!((text.as_str(), missed), (expected, 2));
    }
}
