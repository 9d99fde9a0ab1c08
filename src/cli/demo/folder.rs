//! A temporary folder for the demo's database and its key.
//!
//! Promises: nobody else can look into it, and it is gone when its owner is. Must never be one that
//! was there before. Called by the stage.

use std::{
    env, fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::clock::new_id;

/// A folder for this user alone, which goes with the value.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one, of a name that no other has.
    ///
    /// # Errors
    /// The file system's.
    pub fn make() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("latchkey-demo-{}", new_id().simple()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_goes_with_the_value() {
        let folder = Folder::make().unwrap();
        let path = folder.0.clone();
        fs::write(path.join("latchkey.db"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
