//! Rules for the source tree that neither the compiler nor clippy can check: which modules of a crate may use which names, how
//! files begin and are named, and how long they may be.
//!
//! Reads only the source tree. Each fault names its file and line, and what to do. To make an exception, change the
//! rule here, where a reviewer sees it.

pub mod source;

use source::{SourceFile, files};

const CRATES: [&str; 8] = [
    "src",
    "access/src",
    "demo/src",
    "entity/src",
    "migration/src",
    "sandbox/src",
    "service/src",
    "store/src",
];
const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 80;

/// In `module`, except in the modules of `except`, no file may use a name for which `never` is true.
struct UsageRule {
    module: &'static str,
    except: &'static [&'static str],
    never: fn(&str) -> bool,
    instead: &'static str,
}

/// Whether `name` is one of these modules: of the crate itself, or of one of the two crates below.
fn is_one_of(name: &str, modules: &[&str]) -> bool {
    ["crate::", "latchkey_service::", "latchkey_store::"]
        .iter()
        .filter_map(|root| name.strip_prefix(root))
        .any(|module| modules.contains(&module))
}

const USAGE_RULES: &[UsageRule] = &[
    UsageRule {
        module: "src",
        except: &[],
        never: |name| {
            matches!(
                name,
                "sea_orm" | "sea_orm_migration" | "sqlx" | "entity" | "migration"
            )
        },
        instead: "only `store` uses the database: call one of its functions, or add one",
    },
    UsageRule {
        module: "service/src",
        except: &[
            "service/src/http_client",
            "service/src/ingest/readers",
            "service/src/kisi",
            "service/src/outbound",
            "service/src/proxy",
            "service/src/sign_in",
            "service/src/traces",
        ],
        never: |name| name == "reqwest",
        instead: "calls to Kisi go through `kisi`, reads of platforms through `ingest::readers`",
    },
    UsageRule {
        module: "src",
        except: &["src/console/tests"],
        never: |name| name == "reqwest",
        instead: "calls to Kisi go through `kisi`, reads of platforms through `ingest::readers`",
    },
    UsageRule {
        module: "service/src",
        except: &[],
        never: |name| name == "latchkey_sandbox",
        instead: "the service knows Kisi by `kisi`; only the command line and tests start the sandbox",
    },
    UsageRule {
        module: "src/graphql",
        except: &[
            "src/graphql/kisi_error",
            "src/graphql/mutation/kisi_account",
            "src/graphql/mutation/tests",
            "src/graphql/query/tests",
        ],
        never: |name| is_one_of(name, &["kisi"]),
        instead: "no API answer waits for Kisi: mark members due in `store` and wake the reconcile loop",
    },
    UsageRule {
        module: "src/graphql",
        except: &[],
        never: |name| is_one_of(name, &["version"]),
        instead: "what an admin enters is given its version by `ingest::manual`, as an event is by `ingest`",
    },
    UsageRule {
        module: "service/src/ingest",
        except: &[],
        never: |name| is_one_of(name, &["decide", "dry_run", "kisi", "preview"]),
        instead: "an event is stored and its members marked due; what follows from it is decided by `reconcile`, and shown \
                  before by `preview` and `dry_run`",
    },
    UsageRule {
        module: "service/src/kisi",
        except: &[],
        never: |name| is_one_of(name, &["ingest", "store", "reconcile"]),
        instead: "`kisi` is only a client of Kisi: let the caller pass what it needs",
    },
    UsageRule {
        module: "service/src/reconcile",
        except: &[],
        never: |name| is_one_of(name, &["ingest"]),
        instead: "the reconcile loop does not depend on what marked a member due: read it from `store`",
    },
    UsageRule {
        module: "src/auth",
        except: &[],
        never: |name| is_one_of(name, &["cli", "graphql", "http"]),
        instead: "`auth` says who is calling; the API asks it, not the other way round",
    },
    UsageRule {
        module: "service/src/config",
        except: &[],
        never: |name| {
            name.starts_with("crate::") && !is_one_of(name, &["claim_roles", "config", "duration"])
        },
        instead: "every layer reads the settings: they use only what has no settings",
    },
    UsageRule {
        module: "service/src/duration",
        except: &[],
        never: |name| name.starts_with("crate::"),
        instead: "the settings and the API parse durations: the module stands alone",
    },
    UsageRule {
        module: "service/src/lease",
        except: &[],
        never: |name| {
            name.starts_with("crate::") && !is_one_of(name, &["clock", "store", "transaction"])
        },
        instead: "any module above may need a lease: pass what it needs",
    },
    UsageRule {
        module: "service/src/start_error",
        except: &[],
        never: |name| is_one_of(name, &["app", "ingest", "key_file", "reconcile"]),
        instead: "`app` and the parts that it starts return it: it stands below them",
    },
    UsageRule {
        module: "service/src/key_file",
        except: &[],
        never: |name| is_one_of(name, &["app", "ingest", "reconcile"]),
        instead: "`app` calls it: its errors are in `start_error`",
    },
    UsageRule {
        module: "src",
        except: &["src/cli", "src/fixture", "src/graphql/mutation/tests"],
        never: |name| matches!(name, "latchkey_demo" | "latchkey_sandbox"),
        instead: "the service knows Kisi by `kisi`; only the command line and tests start the sandbox",
    },
    UsageRule {
        module: "sandbox/src",
        except: &[],
        never: |name| matches!(name, "access" | "entity" | "migration"),
        instead: "the sandbox follows Kisi's documentation: it shares no code with the service",
    },
    UsageRule {
        module: "access/src",
        except: &[],
        never: |name| {
            let outside = ["env", "fs", "io", "net", "process", "thread"];
            name.strip_prefix("std::")
                .is_some_and(|module| outside.contains(&module))
        },
        instead: "`access` is pure: pass what it needs as an argument",
    },
];

fn crate_files() -> Vec<SourceFile> {
    let mut found = files(".rs");
    found.retain(|file| CRATES.iter().any(|root| file.is_in(root)));
    assert!(!found.is_empty(), "no source file was found");
    found
}

fn assert_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn modules_use_only_what_they_may() {
    let mut faults = Vec::new();
    for file in crate_files() {
        let names = file.names();
        for law in USAGE_RULES.iter().filter(|law| file.is_in(law.module)) {
            if law.except.iter().any(|module| file.is_in(module)) {
                continue;
            }
            for (line, name) in names.iter().filter(|(_, name)| (law.never)(name)) {
                faults.push(format!(
                    "{}:{line}: must not use `{name}`: {}",
                    file.path, law.instead
                ));
            }
        }
    }
    assert_none(faults);
}

#[test]
fn the_client_of_kisi_does_not_depend_on_its_calls() {
    let below = ["call", "client", "pacer", "refusal"];
    let above = ["assignments", "clients", "logins", "page", "setup", "users"];
    let mut faults = Vec::new();
    let mut seen = 0;
    for SourceFile { path, text } in crate_files() {
        let Some(name) = path
            .strip_prefix("service/src/kisi/")
            .and_then(|file| file.strip_suffix(".rs"))
        else {
            continue;
        };
        if !below.contains(&name) {
            continue;
        }
        seen += 1;
        // At no depth, so that every `super::` counts as the root and the names are those of sibling files.
        for (line, name) in source::names(&text, 0) {
            if is_one_of(&name, &above) {
                faults.push(format!(
                    "{path}:{line}: must not use `{name}` of this folder: what both need goes into `call`"
                ));
            }
        }
    }
    assert_eq!(seen, below.len(), "a file was renamed: name it here");
    assert_none(faults);
}

#[test]
fn files_begin_with_a_header() {
    let own = |file: &SourceFile| {
        ["tests", "benches", "examples"]
            .iter()
            .chain(&CRATES)
            .any(|root| file.is_in(root))
    };
    let silent = files(".rs")
        .into_iter()
        .filter(|f| own(f) && !f.text.starts_with("//!"));
    let what = "begin it with `//!`: what it does, its contract, who calls it";
    assert_none(
        silent
            .map(|file| format!("{}:1: {what}", file.path))
            .collect(),
    );
}

#[test]
fn files_and_functions_are_short() {
    let mut faults = Vec::new();
    for SourceFile { path, text } in crate_files() {
        let lines = text.lines().count();
        if lines > FILE_LINES {
            faults.push(format!(
                "{path}:{lines}: {lines} lines, at most {FILE_LINES} are allowed: split it by subject"
            ));
        }
        // A test may be a long table of cases.
        let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
        let most = if is_test {
            2 * FUNCTION_LINES
        } else {
            FUNCTION_LINES
        };
        for (line, length) in source::long_functions(&text, most) {
            faults.push(format!(
                "{path}:{line}: a function of {length} lines, at most {most} are allowed: extract functions"
            ));
        }
    }
    assert_none(faults);
}

#[test]
fn files_are_named_for_what_they_hold() {
    let drawers = [
        "utils", "util", "helpers", "helper", "common", "manager", "misc", "types",
    ];
    let mut faults = Vec::new();
    for file in files(".rs") {
        if file
            .path
            .trim_end_matches(".rs")
            .split('/')
            .any(|part| drawers.contains(&part))
        {
            faults.push(format!(
                "{}:1: a catch-all name: name the file for its content",
                file.path
            ));
        }
    }
    assert_none(faults);
}

#[test]
fn rules_name_only_modules_that_exist() {
    let sources = files(".rs");
    let mut faults = Vec::new();
    for rule in USAGE_RULES {
        for module in rule.except.iter().chain([&rule.module]) {
            if !sources.iter().any(|file| file.is_in(module)) {
                faults.push(format!(
                    "no module is called {module}: remove it from the rule"
                ));
            }
        }
    }
    assert_none(faults);
}

/// Words of an older vocabulary of this project, with what to write instead; see the glossary in CONTRIBUTING.md.
const OLD_WORDS: [(&str, &str); 11] = [
    ("whoever", "name the person or the caller"),
    ("whomever", "name the person or the caller"),
    ("of whom", "name the person"),
    ("the heart", "the `access` crate"),
    ("twin", "a duplicate assignment"),
    ("twins", "duplicate assignments"),
    ("estranged", "with a changed role"),
    ("premises", "the access context"),
    ("bears", "has"),
    ("mends", "fixes"),
    ("a press", "an unlock request"),
];

#[test]
fn prose_uses_the_words_of_the_glossary() {
    let mut faults = Vec::new();
    for ending in [".rs", ".md", ".graphql", ".toml"] {
        for file in files(ending) {
            // A released migration is never edited.
            if file.path.ends_with("tests/main/tidy.rs") || file.is_in("migration") {
                continue;
            }
            for (line, text) in file.text.lines().enumerate() {
                for (old, instead) in &OLD_WORDS {
                    if has_word(text, old) {
                        let line = line + 1;
                        faults.push(format!("{}:{line}: `{old}`: write {instead}", file.path));
                    }
                }
            }
        }
    }
    assert_none(faults);
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let text = text.to_lowercase();
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = (text.get(at + word.len()..)).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[test]
fn nothing_is_left_unfinished() {
    // Split up, or this file would match itself.
    let marks = [
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
        concat!("#[ig", "nore"),
    ];
    let mut faults = Vec::new();
    for file in files(".rs") {
        for (line, text) in file.text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| text.contains(**mark)) {
                faults.push(format!(
                    "{}:{}: `{mark}`: finish it or remove it",
                    file.path,
                    line + 1
                ));
            }
        }
    }
    assert_none(faults);
}

/// Faults for each dependency of the crate in `folder` that is not `allowed`.
fn dependencies_beyond(folder: &str, allowed: impl Fn(&str) -> bool, instead: &str) -> Vec<String> {
    let path = format!("{folder}/Cargo.toml");
    let manifest = files("Cargo.toml")
        .into_iter()
        .find(|f| f.path == path)
        .unwrap();
    let mut section = "";
    let mut faults = Vec::new();
    for (number, line) in manifest.text.lines().enumerate() {
        if line.starts_with('[') {
            section = line;
        }
        // `[dependencies.x]` and `[target.….dependencies]` declare dependencies as well.
        let declares =
            section.contains("dependencies") && !section.starts_with("[dev-dependencies");
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        let is_fine = line.trim().is_empty()
            || line.starts_with('#')
            || line == "[dependencies]"
            || !line.starts_with('[') && allowed(name);
        if declares && !is_fine {
            faults.push(format!("{path}:{}: `{line}`: {instead}", number + 1));
        }
    }
    faults
}

#[test]
fn access_depends_on_a_date_library_alone() {
    assert_none(dependencies_beyond(
        "access",
        |name| name == "jiff",
        "`access` may only depend on jiff",
    ));
}

#[test]
fn sandbox_and_demo_depend_on_no_crate_of_the_service() {
    for (folder, instead) in [
        (
            "sandbox",
            "it follows Kisi's documentation, and shares no code with the service",
        ),
        (
            "demo",
            "it acts from outside: `cli` starts the service and passes what the story needs",
        ),
    ] {
        let is_outside =
            |name: &str| !["access", "entity", "latchkey", "migration"].contains(&name);
        assert_none(dependencies_beyond(folder, is_outside, instead));
        // Otherwise the manifest was not read.
        assert!(!dependencies_beyond(folder, |_| false, instead).is_empty());
    }
}

#[test]
fn readme_and_changelog_are_complete() {
    let pages = files(".md");
    let page = |name: &str| {
        pages
            .iter()
            .find(|f| f.path == name)
            .map_or("", |f| f.text.as_str())
    };
    let mut faults = Vec::new();
    for command in ["make demo", "make test"] {
        if !page("README.md").contains(command) {
            faults.push(format!(
                "README.md:1: does not name `{command}`: say how to start"
            ));
        }
    }
    let heading = |line: &str| line.starts_with("## ") && line.contains("Unreleased");
    if !page("CHANGELOG.md").lines().any(heading) {
        faults.push("CHANGELOG.md:1: has no heading `## Unreleased`: add one on top".to_owned());
    }
    assert_none(faults);
}

#[test]
fn tests_named_by_the_security_page_exist() {
    let sources = files(".rs");
    let exists = |name: &str| {
        let last = name.rsplit("::").next().unwrap();
        let (function, file) = (format!("fn {last}("), format!("/{last}.rs"));
        sources.iter().any(|source| {
            source.path == name || source.path.ends_with(&file) || source.text.contains(&function)
        })
    };
    let pages = files(".md");
    let page = pages.iter().find(|page| page.path == "docs/security.md");
    let page = page.expect("docs/security.md");
    let mut faults = Vec::new();
    let mut threats = 0;
    for (line, text) in page.text.lines().enumerate() {
        let row = text
            .strip_prefix("| ")
            .and_then(|row| row.strip_suffix(" |"));
        let Some(tests) = row.and_then(|row| row.split(" | ").nth(2)) else {
            continue;
        };
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if tests != "Test" && names.is_empty() {
            faults.push(format!(
                "docs/security.md:{}: the row names no test",
                line + 1
            ));
        }
        threats += names.len();
        let missing = names.into_iter().filter(|name| !exists(name));
        faults.extend(missing.map(|name| {
            format!(
                "docs/security.md:{}: the test {name} does not exist",
                line + 1
            )
        }));
    }
    assert!(threats > 30, "the tables were not parsed");
    assert_none(faults);
}

#[test]
fn source_reader_finds_names_and_lengths() {
    let text = r##"
use crate::{
    kisi::{self, Client},
    store,
};
use url as address;
// reqwest::get
fn a<'a>() {
    let s = "sqlx::x"; let c = ['"', '\''];
    entity::member::find(r#"a " std::fs"#);
    kisi::connect();
}
use super::graphql::x;
mod tests {
    use super::y;
    use super::super::z;
}
"##;
    let seen = |deep| {
        source::names(text, deep)
            .into_iter()
            .map(|(line, name)| format!("{line} {name}"))
            .collect::<Vec<_>>()
    };
    let always = ["2 crate::kisi", "2 crate::store", "10 entity", "6 url"];
    let mut at_the_top = always.to_vec();
    at_the_top.splice(3..3, ["13 crate::graphql", "16 crate::z"]);
    assert_eq!(seen(1), at_the_top);
    assert_eq!(seen(2), always);

    let text =
        "fn a(\n) {\n    1;\n}\ntrait T {\n    fn b(\n    );\n    fn c() {\n        2;\n    }\n}\n";
    assert_eq!(source::long_functions(text, 2), [(1, 4), (8, 3)]);
}
