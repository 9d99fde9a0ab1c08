//! The program as a process of its own: started with settings, asked over HTTP, killed at the test's will.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
};

use serde_json::Value;

use super::{api::eventually, world::ENCRYPTION_KEY};

/// A `latchkey serve` that listens. It is killed with this value.
pub struct Serving {
    process: Child,
    /// Kept open, for what it prints later.
    _output: BufReader<ChildStdout>,
    /// `http://…`
    pub base: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program with these arguments, and of the environment nothing but these settings.
pub fn command(arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command
        .args(arguments)
        .env_clear()
        .env("LATCHKEY_LOG", "error")
        .env("LATCHKEY_ENCRYPTION_KEY", ENCRYPTION_KEY);
    command.envs(
        settings
            .iter()
            .map(|(name, value)| (format!("LATCHKEY_{name}"), value)),
    );
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    command(arguments, settings).output().unwrap()
}

/// What a command prints as JSON.
pub fn json(arguments: &[&str], settings: &[(&str, &str)]) -> Value {
    let output = run(arguments, settings);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Starts the service and waits for its first line.
pub fn serve(settings: &[(&str, &str)]) -> Serving {
    started(command(&["serve", "--listen", "127.0.0.1:0"], settings))
}

/// Starts the Kisi sandbox alone and waits for its first line.
pub fn sandbox(arguments: &[&str]) -> Serving {
    let mut sandbox = command(&["sandbox", "--listen", "127.0.0.1:0"], &[]);
    sandbox.args(arguments);
    started(sandbox)
}

/// Starts the service where no file may grow beyond a size, in KiB: as a disk that is full, but for this process alone.
pub fn serve_with_file_limit(settings: &[(&str, &str)], kib: u64) -> Serving {
    let program = command(&[], settings);
    let mut limited = Command::new("bash");
    limited
        .args([
            "-c",
            "ulimit -S -f \"$0\" && exec \"$1\" serve --listen 127.0.0.1:0",
        ])
        .arg(kib.to_string())
        .arg(program.get_program())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        limited.env(name, value.unwrap());
    }
    started(limited)
}

fn started(mut command: Command) -> Serving {
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let base = line.trim().strip_prefix("listening on ").map(str::to_owned);
    Serving {
        process,
        _output: output,
        base: base.unwrap_or_else(|| panic!("the first line was {line:?}")),
    }
}

impl Serving {
    /// Takes the limit of files away again.
    pub fn lift_file_limit(&self) {
        let lifted = Command::new("prlimit")
            .args(["--fsize=unlimited:", "--pid"])
            .arg(self.process.id().to_string())
            .status()
            .unwrap();
        assert!(lifted.success());
    }

    /// Tells it to end, and waits until it has.
    pub async fn terminate(mut self) -> ExitStatus {
        let told = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        assert!(told.unwrap().success());
        let ended = async || self.process.try_wait().unwrap();
        eventually(ended, async || "the process does not end".to_owned()).await
    }

    /// `kill -9`, and the end of it.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
