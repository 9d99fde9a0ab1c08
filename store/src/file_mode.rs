//! Makes the files of a SQLite database accessible only to their owner. SQLite creates its log with the mode of the database.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

const OWNER_ONLY: u32 = 0o600;

/// Creates the database file if the URL requests it (`mode=rwc`) and it is missing, and removes the permissions of group and
/// others from the files that exist.
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
            // Opening the database will report the same problem with SQLite's own message.
            return;
        }
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = OsString::from(path);
        name.push(suffix);
        if let Err(problem) = restrict_to_owner(&PathBuf::from(name)) {
            tracing::warn!(error = %problem, "the permissions of the database file could not be restricted; other users of this machine may be able to read it: set its mode to 0600");
        }
    }
}

/// Removes the permissions of group and others from a file, if it exists.
pub fn restrict_to_owner(path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))?;
    }
    Ok(())
}
