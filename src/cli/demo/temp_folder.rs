//! A temporary folder for the demo's database and its key.
//!
//! Contract: only this user can read it; it is removed when the value is dropped. Never an existing
//! folder. Used by the runtime of the demo.

use std::{
    env, fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::clock::new_id;

/// A folder with mode 0700, removed on drop.
pub struct Folder(PathBuf);

impl Folder {
    /// Creates a folder with a unique name.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn make() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("latchkey-demo-{}", new_id().simple()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A drop cannot return an error.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_removed_on_drop() {
        let folder = Folder::make().unwrap();
        let path = folder.0.clone();
        fs::write(path.join("latchkey.db"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
