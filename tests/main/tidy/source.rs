//! Reads the source tree for the rules in `tidy.rs`: files, code without its comments and strings, the
//! names that a file uses, and how long its functions are.
//!
//! It is no parser: it relies on rustfmt's layout, and knows as much of Rust as the rules need.

use std::fs;
use std::path::PathBuf;

/// A file of the tree, by its path from the root, with `/`.
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

impl SourceFile {
    /// Whether this is the module `module` (`src/graphql`) or a part of it.
    pub fn is_in(&self, module: &str) -> bool {
        self.path
            .strip_prefix(module)
            .is_some_and(|rest| rest == ".rs" || rest.starts_with('/') || rest.is_empty())
    }

    /// The names that the code uses, with their lines. See [`names`].
    pub fn names(&self) -> Vec<(usize, String)> {
        let module = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        // Below the source folder: `src/graphql/rule.rs` lies two deep.
        names(
            &self.text,
            module.split("src/").last().unwrap().split('/').count(),
        )
    }
}

/// All files of the tree whose names end so, but for what is built, installed or git's.
pub fn files(ending: &str) -> Vec<SourceFile> {
    // As the test runner says, for an archive that runs elsewhere; else as it was built.
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = root.unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                if !matches!(&*name, "target" | "node_modules" | "dist" | ".git") {
                    folders.push(path);
                }
            } else if kind.is_file() && name.ends_with(ending) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push(SourceFile { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The code with its comments, strings and character literals blanked, line by line as it was.
pub fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(
                chars[at..end]
                    .iter()
                    .map(|c| if *c == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` itself where none begins.
fn literal_end(chars: &[char], at: usize) -> usize {
    let is = |i: usize, wanted: char| chars.get(i) == Some(&wanted);
    let find = |from: usize, wanted: &str| {
        let wanted: Vec<char> = wanted.chars().collect();
        let rest = chars.get(from..).unwrap_or_default();
        rest.windows(wanted.len())
            .position(|w| w == wanted)
            .map_or(chars.len(), |p| from + p)
    };
    match chars[at] {
        '/' if is(at + 1, '/') => find(at, "\n"),
        '/' if is(at + 1, '*') => (find(at + 2, "*/") + 2).min(chars.len()),
        'r' if at == 0 || !is_word(chars[at - 1]) || matches!(chars[at - 1], 'b' | 'c') => {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            if !is(at + 1 + hashes, '"') {
                return at;
            }
            let closing = format!("\"{}", "#".repeat(hashes));
            (find(at + 2 + hashes, &closing) + closing.len()).min(chars.len())
        }
        '"' => after_quote(chars, at, '"'),
        '\'' if is(at + 1, '\\') || is(at + 2, '\'') => after_quote(chars, at, '\''),
        _ => at,
    }
}

fn after_quote(chars: &[char], at: usize, quote: char) -> usize {
    let mut i = at + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first name of each path, with its line, but for names of neighbouring modules. Of paths into
/// this crate and `std` the first two (`crate::store`), out of groups too. `latchkey::x`, and a chain of
/// `super` that gets to the top from a file so many modules `deep`, are `crate::x`.
pub fn names(text: &str, deep: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let code = code(text);
    let neighbours = neighbours(&code);
    for (start, _) in code.match_indices("::") {
        let (before, rest) = code.split_at(start);
        let (outer, root) = before.split_at(before.trim_end_matches(is_word).len());
        let rest = rest.trim_start_matches("::");
        if root.is_empty() || outer.ends_with("::") || neighbours.contains(&root) {
            continue;
        }
        let line = before.matches('\n').count() + 1;
        let mut add =
            |base: &str, rest| heads(rest, |name| found.push((line, format!("{base}::{name}"))));
        match root {
            "crate" | "latchkey" => add("crate", rest),
            "std" => add("std", rest),
            "super" => {
                let above = rest.trim_start_matches("super::");
                let steps = 1 + (rest.len() - above.len()) / "super::".len();
                // Indented, it may stand in a module within the file.
                let indented = code
                    .lines()
                    .nth(line - 1)
                    .is_some_and(|l| l.starts_with(' '));
                if steps > deep || (steps == deep && !indented) {
                    add("crate", above);
                }
            }
            _ => found.push((line, root.to_owned())),
        }
    }
    // `use reqwest;` and `use reqwest as http;` have no path.
    for (number, line) in code.lines().enumerate() {
        let mut words = line
            .split_whitespace()
            .skip_while(|word| word.starts_with("pub"));
        if words.next() == Some("use")
            && let Some(name) = words.next()
            && !name.contains("::")
        {
            found.push((number + 1, name.trim_end_matches(';').to_owned()));
        }
    }
    found
}

/// The names that the file declares as modules or imports from its own crate: no names of crates.
fn neighbours(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let Some(at) = statement.rfind("use ") else {
            continue;
        };
        let (_, path) = statement.split_at(at + "use ".len());
        if ["super::", "self::", "crate::"]
            .iter()
            .any(|own| path.starts_with(own))
        {
            found.extend(path.split(|c| !is_word(c)));
        }
    }
    for line in code.lines() {
        let mut words = line
            .split_whitespace()
            .skip_while(|word| word.starts_with("pub"));
        if words.next() == Some("mod") {
            found.extend(words.next().map(|name| name.trim_end_matches(';')));
        }
    }
    found.retain(|name| !matches!(*name, "crate" | "latchkey" | "std" | "super"));
    found
}

/// The names that a path goes on with: one, or the first ones of a group.
fn heads(rest: &str, mut each: impl FnMut(&str)) {
    let first_word = |text: &str| text.chars().take_while(|c| is_word(*c)).collect::<String>();
    let Some(group) = rest.strip_prefix('{') else {
        return each(&first_word(rest));
    };
    let (mut depth, mut fresh) = (1, true);
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            c if fresh && is_word(c) => {
                each(&first_word(group.split_at(i).1));
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

/// The functions longer than `most` lines: where each begins, and its length.
pub fn long_functions(text: &str, most: usize) -> Vec<(usize, usize)> {
    let code = code(text);
    let lines: Vec<&str> = code.lines().map(str::trim_end).collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        if !begins_function(line) || line.ends_with(['}', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let last = lines.iter().enumerate().skip(first + 1).find(|(_, line)| {
            line.len() > indent
                && line.len() - line.trim_start().len() == indent
                && (line.ends_with(['}', ';']) || begins_function(line))
        });
        if let Some((last, line)) = last
            && line.trim_start().starts_with('}')
            && last - first + 1 > most
        {
            found.push((first + 1, last - first + 1));
        }
    }
    found
}

fn begins_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        matches!(
            *word,
            "pub" | "const" | "async" | "unsafe" | "extern" | "default"
        ) || word.starts_with("pub(")
    });
    words.next() == Some("fn")
}
