//! The program as a separate process: started with settings, used over HTTP, killed by the test.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
};

use serde_json::Value;

use super::{api::eventually, world::ENCRYPTION_KEY};

/// A `latchkey serve` or `latchkey sandbox` process that listens. Dropping this value kills it.
pub struct ServerProcess {
    process: Child,
    /// Kept open, so that the process can still write to it.
    _output: BufReader<ChildStdout>,
    /// `http://…`
    pub base: String,
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program with these arguments and an environment of only the test key, the log level and `settings` (names without
/// `LATCHKEY_`).
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

pub fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    command(arguments, settings).output().unwrap()
}

/// Runs a command that must succeed and parses its standard output as JSON.
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
pub fn serve(settings: &[(&str, &str)]) -> ServerProcess {
    started(command(&["serve", "--listen", "127.0.0.1:0"], settings))
}

/// Starts the Kisi sandbox alone and waits for its first line.
pub fn sandbox(arguments: &[&str]) -> ServerProcess {
    let mut sandbox = command(&["sandbox", "--listen", "127.0.0.1:0"], &[]);
    sandbox.args(arguments);
    started(sandbox)
}

/// Starts the service with a limit on the size of its files, in KiB. It simulates a full disk for this process only.
pub fn serve_with_file_limit(settings: &[(&str, &str)], kib: u64) -> ServerProcess {
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

fn started(mut command: Command) -> ServerProcess {
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let base = line.trim().strip_prefix("listening on ").map(str::to_owned);
    ServerProcess {
        process,
        _output: output,
        base: base.unwrap_or_else(|| panic!("the first line was {line:?}")),
    }
}

impl ServerProcess {
    /// Removes the limit on the size of files.
    pub fn lift_file_limit(&self) {
        let lifted = Command::new("prlimit")
            .args(["--fsize=unlimited:", "--pid"])
            .arg(self.process.id().to_string())
            .status()
            .unwrap();
        assert!(lifted.success());
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends SIGTERM and waits until the process has ended.
    pub async fn terminate(mut self) -> ExitStatus {
        let signal = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        assert!(signal.unwrap().success());
        let exit = async || self.process.try_wait().unwrap();
        eventually(exit, async || "the process does not end".to_owned()).await
    }

    /// Sends SIGKILL and waits until the process has ended.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
