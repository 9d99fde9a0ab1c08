//! The entry point of the binary: starts the tokio runtime and runs the CLI. Results go to standard output, logs to standard
//! error. Every failure is one line that says what to do, and a non-zero exit status.

use std::{process::ExitCode, time::Duration};

use latchkey_allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    latchkey_allocator::configure();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(latchkey::cli::run());
            // Bounds the shutdown, so that a blocked task, such as a query to a silent database, cannot keep the process alive.
            runtime.shutdown_timeout(Duration::from_secs(2));
            code
        }
        Err(problem) => {
            eprintln!("latchkey: the runtime cannot start: {problem}");
            ExitCode::FAILURE
        }
    }
}
