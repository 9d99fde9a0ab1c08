//! Reads the source tree for the rules in `tidy.rs`: files, code without comments and strings, the names that a file uses, and
//! the length of its functions.
//!
//! This is no parser: it relies on rustfmt's layout, and handles as much of Rust as the rules need.

use std::fs;
use std::path::PathBuf;

/// A file of the source tree; its path is relative to the root, with `/`.
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

    /// The names that the code uses, with their line numbers. See [`names`].
    pub fn names(&self) -> Vec<(usize, String)> {
        let module = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        // The depth below the source folder: `src/graphql/rule.rs` is two deep.
        names(
            &self.text,
            module.split("src/").last().unwrap().split('/').count(),
        )
    }
}

/// All files whose names end with `ending`, except build output, installed packages and `.git`.
pub fn files(ending: &str) -> Vec<SourceFile> {
    // The test runner sets the variable for an archive that runs elsewhere; otherwise the path of the build is used.
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = root.unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let mut sources = Vec::new();
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
                sources.push(SourceFile { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The code with its comments, strings and character literals blanked; the lines stay the same.
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

/// The end of the comment or literal that begins at `at`; `at` itself if none begins there.
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

/// The first name of each path, with its line, except names of neighbouring modules. For paths into this crate and `std` the
/// first two names (`crate::store`), also from groups. `latchkey::x`, and a chain of `super` that reaches the crate's root from a
/// file that is `deep` modules deep, count as `crate::x`.
pub fn names(text: &str, deep: usize) -> Vec<(usize, String)> {
    let mut uses = Vec::new();
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
        let mut add = |base: &str, rest| {
            first_names(rest, |name| uses.push((line, format!("{base}::{name}"))))
        };
        match root {
            "crate" | "latchkey" => add("crate", rest),
            "std" => add("std", rest),
            "super" => {
                let above = rest.trim_start_matches("super::");
                let steps = 1 + (rest.len() - above.len()) / "super::".len();
                // An indented path may be in a module within the file.
                let indented = code
                    .lines()
                    .nth(line - 1)
                    .is_some_and(|l| l.starts_with(' '));
                if steps > deep || (steps == deep && !indented) {
                    add("crate", above);
                }
            }
            _ => uses.push((line, root.to_owned())),
        }
    }
    // `use reqwest;` and `use reqwest as http;` contain no `::`.
    for (number, line) in code.lines().enumerate() {
        let mut words = line
            .split_whitespace()
            .skip_while(|word| word.starts_with("pub"));
        if words.next() == Some("use")
            && let Some(name) = words.next()
            && !name.contains("::")
        {
            uses.push((number + 1, name.trim_end_matches(';').to_owned()));
        }
    }
    uses
}

/// The names that the file declares as modules or imports from its own crate, which are no names of crates.
fn neighbours(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for statement in code.split(';') {
        let Some(at) = statement.rfind("use ") else {
            continue;
        };
        let (_, path) = statement.split_at(at + "use ".len());
        if ["super::", "self::", "crate::"]
            .iter()
            .any(|own| path.starts_with(own))
        {
            names.extend(path.split(|c| !is_word(c)));
        }
    }
    for line in code.lines() {
        let mut words = line
            .split_whitespace()
            .skip_while(|word| word.starts_with("pub"));
        if words.next() == Some("mod") {
            names.extend(words.next().map(|name| name.trim_end_matches(';')));
        }
    }
    names.retain(|name| !matches!(*name, "crate" | "latchkey" | "std" | "super"));
    names
}

/// The next name of a path, or the first names of each item of a group.
fn first_names(rest: &str, mut each: impl FnMut(&str)) {
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

/// The functions longer than `most` lines, as the first line and the length.
pub fn long_functions(text: &str, most: usize) -> Vec<(usize, usize)> {
    let code = code(text);
    let lines: Vec<&str> = code.lines().map(str::trim_end).collect();
    let mut functions = Vec::new();
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
            functions.push((first + 1, last - first + 1));
        }
    }
    functions
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
