//! A SQLite database is readable by its owner alone. SQLite gives its log the mode of the database itself.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

const OWNER_ONLY: u32 = 0o600;

/// Creates the file where the address asks for that and it is not there, and takes everybody else's permissions from what is.
pub fn restrict(path: &Path, url: &str) {
    if path.as_os_str().is_empty() || path.to_string_lossy().contains(":memory:") {
        return;
    }
    if url.contains("mode=rwc") {
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(path);
        if let Err(problem) = created
            && problem.kind() != io::ErrorKind::AlreadyExists
        {
            // Opening it says the same in SQLite's own words.
            return;
        }
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = OsString::from(path);
        name.push(suffix);
        if let Err(problem) = restrict_to_owner(&PathBuf::from(name)) {
            tracing::warn!(error = %problem, "others on this machine may be able to read the database: its mode should be 0600");
        }
    }
}

/// Takes everybody else's permissions from a file, where it is there.
pub fn restrict_to_owner(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::metadata(path) else {
        return Ok(());
    };
    if found.is_file() && found.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))?;
    }
    Ok(())
}
