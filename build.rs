//! Creates `web/dist` and `web/console/dist`, the folders that the playground and the console are embedded from, so that a fresh clone builds
//! without npm. It runs no npm
//! and uses no network. Cargo runs it before the crate is compiled.

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=web/dist");
    println!("cargo:rerun-if-changed=web/console/dist");
    println!("cargo:rerun-if-changed=web/operations");
    let root = env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::create_dir_all(root.join("web/dist"))?;
    fs::create_dir_all(root.join("web/console/dist"))
}
