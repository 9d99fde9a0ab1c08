//! The encryption key file, used if no key is configured: generated at the first start beside the SQLite file, readable by its
//! owner only. If the file is missing and the database already holds encrypted secrets, the start fails, because a new key
//! cannot decrypt them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::Config,
    secret::{Sealer, new_key},
    start_error::StartError,
    store::restrict_to_owner,
};

/// A sealer with the key of the settings, else with the key file beside the database. `has_secrets` says whether the database
/// holds encrypted secrets.
pub fn sealer(config: &Config, has_secrets: bool) -> Result<Sealer, StartError> {
    let key = match &config.encryption_key {
        Some(key) => key.clone(),
        None => beside_database(config, has_secrets)?,
    };
    Ok(Sealer::new(&key, config.encryption_key_old.as_ref())?)
}

fn beside_database(config: &Config, has_secrets: bool) -> Result<SecretString, StartError> {
    let url = config.database_url.expose_secret();
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let path = path.split('?').next().unwrap_or(path);
    if path.is_empty() || path.contains(":memory:") {
        return Ok(new_key());
    }
    let path = PathBuf::from(format!("{path}.key"));
    let failed = |source| StartError::KeyFile {
        path: path.display().to_string(),
        source,
    };
    match fs::read_to_string(&path) {
        Ok(text) => {
            restrict(&path);
            Ok(SecretString::from(text.trim().to_owned()))
        }
        Err(problem) if problem.kind() == io::ErrorKind::NotFound && has_secrets => {
            Err(StartError::KeyMissing {
                path: path.display().to_string(),
            })
        }
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => {
            let key = new_key();
            match create(&path, &key) {
                Ok(()) => Ok(key),
                // Another process of the program created the file first.
                Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => {
                    let text = fs::read_to_string(&path).map_err(failed)?;
                    Ok(SecretString::from(text.trim().to_owned()))
                }
                Err(problem) => Err(failed(problem)),
            }
        }
        Err(problem) => Err(failed(problem)),
    }
}

/// Removes the permissions of everybody but the owner. A failure is only logged.
fn restrict(path: &Path) {
    if let Err(problem) = restrict_to_owner(path) {
        tracing::warn!(error = %problem, "cannot restrict the encryption key file to its owner; other users of this machine may be able to read it: set its mode to 0600");
    }
}

/// Writes the key to a temporary file and links it into place, so that a concurrent reader never sees half a key. Fails with
/// `AlreadyExists` if the key file exists.
fn create(path: &Path, key: &SecretString) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let draft = path.with_extension(format!("key.{}", crate::clock::new_id().simple()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(key.expose_secret().as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::File::open(folder)?.sync_all()?;
    }
    linked
}
