//! What the documents name exists: files, and functions with their modules. Names in clippy.toml and in the rules of `tidy` exist too.

use std::{collections::BTreeSet, path::Path, sync::LazyLock};

use super::tidy::source::files;

const FOLDERS: [&str; 16] = [
    "src",
    "service",
    "store",
    "access",
    "allocator",
    "entity",
    "migration",
    "tests",
    "benches",
    "docs",
    "deploy",
    "web",
    "examples",
    "fuzz",
    "sandbox",
    "demo",
];

/// The names that the source text declares, without their modules.
static DECLARED: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let keywords = [
        "fn ",
        "struct ",
        "enum ",
        "trait ",
        "type ",
        "const ",
        "static ",
        "mod ",
        "macro_rules! ",
    ];
    let mut declared = BTreeSet::new();
    for file in files(".rs") {
        for line in file.text.lines() {
            for keyword in keywords {
                if let Some((_, rest)) = line.split_once(keyword) {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                    declared.insert(
                        rest.get(..end.unwrap_or(rest.len()))
                            .unwrap_or("")
                            .to_owned(),
                    );
                }
            }
        }
        let name = file
            .path
            .trim_end_matches("/mod.rs")
            .trim_end_matches(".rs");
        declared.extend(name.split('/').map(str::to_owned));
    }
    declared
});

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents with their texts, by path.
fn documents() -> Vec<(String, String)> {
    let mut paths: Vec<String> = Vec::new();
    for folder in [
        root().to_path_buf(),
        root().join("docs"),
        root().join("docs/platforms"),
        root().join("docs/senders"),
        root().join("fuzz"),
    ] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(root()).unwrap().display().to_string();
            if relative.ends_with(".md") {
                paths.push(relative);
            }
        }
    }
    let text = |path: String| {
        (
            path.clone(),
            std::fs::read_to_string(root().join(path)).unwrap(),
        )
    };
    paths.into_iter().map(text).collect()
}

/// The texts between single backticks outside of code blocks.
fn code_spans(text: &str) -> Vec<&str> {
    let mut spans = Vec::new();
    let mut is_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            spans.extend(line.split('`').skip(1).step_by(2));
        }
    }
    spans
}

fn is_path_of_project(span: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let folder = span.split('/').next().unwrap_or("");
    span.contains('/') && span.chars().all(is_plain) && FOLDERS.contains(&folder)
}

/// `module::name`, as the documents write functions and types.
fn path_of_item(span: &str) -> Option<&str> {
    let item = span.trim_end_matches("()");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
    let is_item = item.contains("::") && item.chars().all(is_plain);
    let outside = [
        "std",
        "tokio",
        "sea_orm",
        "async_graphql",
        "actix_web",
        "jiff",
        "uuid",
        "reqwest",
        "sqlx",
        "access",
    ];
    let first = item.split("::").next().unwrap_or("");
    (is_item && !outside.contains(&first)).then_some(item)
}

#[test]
fn documents_name_only_what_exists() {
    let mut faults = Vec::new();
    let mut names = 0;
    for (path, text) in documents() {
        for span in code_spans(&text) {
            if is_path_of_project(span) {
                names += 1;
                if !root().join(span).exists() {
                    faults.push(format!("{path}: the file {span} does not exist"));
                }
            } else if let Some(item) = path_of_item(span) {
                names += 1;
                for part in item
                    .split("::")
                    .filter(|part| !["crate", "latchkey", "super"].contains(part))
                {
                    if !DECLARED.contains(part) {
                        faults.push(format!("{path}: {item}: nothing is called {part}"));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    assert!(
        names > 40,
        "only {names} names were found: the reader of documents is broken"
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut faults = Vec::new();
    for (path, text) in documents() {
        let folder = Path::new(&path).parent().unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or("");
            let is_local = !file.is_empty() && !file.contains(':');
            if is_local && !root().join(folder).join(file).exists() {
                faults.push(format!("{path}: the link {target} leads nowhere"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn clippy_names_only_functions_that_exist() {
    let text = std::fs::read_to_string(root().join("clippy.toml")).unwrap();
    let reasons = text
        .split("reason = \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let mut named = 0;
    for word in reasons.flat_map(str::split_whitespace) {
        let word = word.trim_end_matches([',', ':', '.']);
        let is_outside =
            ["tokio", "std", "sea_orm"].contains(&word.split("::").next().unwrap_or(""));
        if word.contains("::") && !is_outside {
            named += 1;
            for part in word.split("::") {
                assert!(
                    DECLARED.contains(part),
                    "clippy.toml: {word}: nothing is called {part}"
                );
            }
        }
        if word.ends_with(".rs") {
            named += 1;
            assert!(
                files(".rs").iter().any(|file| file.path.ends_with(word)),
                "clippy.toml: no file is called {word}"
            );
        }
    }
    assert!(named > 3, "clippy.toml names {named} things");
}
