//! Runs the quick start of README.md as a reader would: its commands in three terminals, its operations as the playground offers
//! them, with its variables.
//!
//! Each step is a fenced block with `quickstart` in its info string: `sh quickstart terminal-1` (the sandbox), `terminal-2` (the
//! service) and `terminal-3` (in order, in bash); `text quickstart output` for what the command before printed, where `…` stands
//! for any text; `json quickstart "TITLE"` for the variables of the operation of that title in web/operations. The test
//! replaces only `cargo run --` by the binary, the two ports, and the placeholders that the reader replaces.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::api::{Api, eventually};

const README: &str = include_str!("../../README.md");

struct Block {
    language: String,
    info: String,
    body: String,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let Some((language, info)) = (line.trim_start().strip_prefix("```"))
            .and_then(|rest| rest.split_once(" quickstart "))
        else {
            continue;
        };
        let body = lines.by_ref().take_while(|line| line.trim() != "```");
        let body: Vec<&str> = body.map(|line| line.get(indent..).unwrap_or("")).collect();
        blocks.push(Block {
            language: language.to_owned(),
            info: info.to_owned(),
            body: body.join("\n"),
        });
    }
    blocks
}

/// The ready-made operation with this title, which is the first line of its file.
fn operation(title: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/operations");
    let files = std::fs::read_dir(folder).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let heading = format!("# {title}\n");
    let mut titled = texts.filter(|text| text.starts_with(&heading));
    (titled.next()).unwrap_or_else(|| panic!("no operation has the title {title:?}"))
}

struct Terminals {
    folder: TempDir,
    /// What the reader replaces, with what comes in its place.
    replaced: HashMap<String, String>,
    /// With their output, which they go on writing to.
    running: Vec<(Child, BufReader<ChildStdout>)>,
    output: String,
}

impl Drop for Terminals {
    fn drop(&mut self) {
        for (process, _) in &mut self.running {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

impl Terminals {
    fn open() -> Self {
        let ports = [("9090", free_port()), ("8080", free_port())];
        let binary = format!("'{}'", env!("CARGO_BIN_EXE_latchkey"));
        let mut replaced = HashMap::from([("cargo run --".to_owned(), binary)]);
        replaced.extend(ports.map(|(port, free)| (port.to_owned(), free)));
        Self {
            folder: tempfile::tempdir().unwrap(),
            replaced,
            running: Vec::new(),
            output: String::new(),
        }
    }

    fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.replaced["8080"])
    }

    fn replace(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // The longest first: a URL contains a port.
        let mut all: Vec<(&String, &String)> = self.replaced.iter().collect();
        all.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        for (from, to) in all {
            text = text.replace(from.as_str(), to);
        }
        text
    }

    fn bash(&self, script: &str) -> Command {
        let mut bash = Command::new("bash");
        bash.args(["-ec", &self.replace(script)])
            .current_dir(self.folder.path())
            .env(
                "LATCHKEY_LISTEN",
                format!("127.0.0.1:{}", self.replaced["8080"]),
            )
            .stdin(Stdio::null());
        bash
    }

    /// Starts a server and waits for the line that says where it listens.
    fn start(&mut self, command: &str) {
        let mut bash = self.bash(&format!("exec env {command}"));
        let mut process = bash.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let output = process.stdout.take().unwrap();
        let mut output = BufReader::new(output);
        output.read_line(&mut line).unwrap();
        self.running.push((process, output));
        assert!(line.contains("listening on"), "{command}: {line}");
    }

    fn run(&mut self, script: &str) {
        let output = self.bash(script).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {errors}");
        self.output = String::from_utf8(output.stdout).unwrap();
        if let Some(token) = (self.output.lines()).find_map(|line| line.strip_prefix("token: ")) {
            self.replaced
                .insert("lk_…".to_owned(), token.trim().to_owned());
        }
    }

    /// The output has the parts of each expected line, in order.
    fn expect(&self, expected: &str) {
        for line in expected.lines() {
            let shown = self.output.lines().any(|output| {
                let mut rest = Some(output);
                for part in line.split('…') {
                    rest = rest
                        .and_then(|rest| rest.split_once(part))
                        .map(|(_, rest)| rest);
                }
                rest.is_some()
            });
            let token = self.replaced.get("lk_…").map_or("", String::as_str);
            assert!(
                shown,
                "{line:?} is not in {}",
                self.output.replace(token, "lk_…")
            );
        }
    }
}

/// Runs an operation of the playground with the variables of the README.
async fn browse(terminals: &mut Terminals, title: &str, variables: &str) {
    let api = Api::new(terminals.base(), terminals.replaced["lk_…"].clone());
    let variables: Value = serde_json::from_str(&terminals.replace(variables)).unwrap();
    let operation = operation(title);
    let done = async || {
        let response = api.query_raw(&operation, variables.clone()).await;
        assert_eq!(response["errors"], Value::Null, "{title}: {response:#}");
        let data = response["data"].clone();
        for payload in data.as_object().unwrap().values() {
            let refused = payload["userErrors"]
                .as_array()
                .is_some_and(|errors| !errors.is_empty());
            assert!(!refused, "{title}: {payload:#}");
        }
        let is_member = title.contains("member by e-mail");
        let is_granted = data.to_string().contains("\"CONFIRMED\"");
        (!is_member || is_granted).then_some(data)
    };
    let data = eventually(done, async || {
        format!("{title}: nothing is confirmed in Kisi")
    })
    .await;
    let groups = data["connectKisi"]["account"]["groups"].as_array();
    if let Some(group) = groups.and_then(|all| all.iter().find(|group| group["name"] == "Members"))
    {
        assert_ne!(group["locks"], json!([]), "a group has its locks at once");
        let id = group["id"].as_str().unwrap().to_owned();
        terminals.replaced.insert("ID OF THE GROUP".to_owned(), id);
    }
    if let Some(secret) = data["createSource"]["secret"].as_str() {
        let url = data["createSource"]["source"]["webhookUrl"]
            .as_str()
            .unwrap();
        terminals
            .replaced
            .insert("whsec_…".to_owned(), secret.to_owned());
        let placeholder = "http://127.0.0.1:8080/webhooks/…".to_owned();
        terminals.replaced.insert(placeholder, url.to_owned());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_of_the_readme_works_as_written() {
    let mut terminals = Terminals::open();
    let blocks = blocks();
    for Block {
        language,
        info,
        body,
    } in &blocks
    {
        match (language.as_str(), info.as_str()) {
            ("sh", "terminal-1" | "terminal-2") => terminals.start(body),
            ("sh", "terminal-3") => terminals.run(body),
            ("text", "output") => terminals.expect(body),
            ("json", title) => browse(&mut terminals, title.trim_matches('"'), body).await,
            other => panic!("a step of no known kind: {other:?}"),
        }
    }
    assert!(blocks.len() > 8, "the README has {} steps", blocks.len());
}
