//! A missing or wrong encryption key: no new key file is generated beside a database with secrets, and every check reports the
//! fault.

use latchkey::transaction;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use latchkey::{
    clock::Clock,
    secret::{Sealer, SecretKind, new_key},
    store::{Db, StoreError, sealed},
};
use secrecy::{ExposeSecret, SecretString};

use super::{Club, as_text};
use crate::support::{
    child, postgres,
    world::{self, ENCRYPTION_KEY},
};

fn without_key(arguments: &[&str], database: &str) -> Command {
    let mut command = child::command(arguments, &[("DATABASE_URL", database)]);
    command.env_remove("LATCHKEY_ENCRYPTION_KEY");
    command
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A served club whose secrets are encrypted with [`ENCRYPTION_KEY`], and its database URL. No key file exists.
async fn a_database(folder: &Path) -> (Club, String) {
    let url = format!("sqlite://{}?mode=rwc", folder.join("latchkey.db").display());
    let mut club = Club::start(url.clone()).await;
    assert_eq!(club.send().await.status, 202);
    (club, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_is_made_beside_a_database_with_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let (mut club, url) = a_database(folder.path()).await;
    club.serving.take().unwrap().kill();
    for command in [
        ["serve", "--listen=127.0.0.1:0"],
        ["check", "--set=log=error"],
    ] {
        let output = without_key(&command, &url).output().unwrap();
        assert!(!output.status.success());
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains("latchkey.db.key is missing"), "{message}");
        assert!(message.contains("LATCHKEY_ENCRYPTION_KEY"), "{message}");
        assert!(!folder.path().join("latchkey.db.key").exists());
    }
    fs::write(folder.path().join("latchkey.db.key"), ENCRYPTION_KEY).unwrap();
    let output = without_key(&["check"], &url).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(mode(&folder.path().join("latchkey.db.key")), 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_is_reported_by_everybody_who_looks() {
    let folder = tempfile::tempdir().unwrap();
    let (mut club, url) = a_database(folder.path()).await;
    assert_eq!(club.ready().await.0, 200);
    club.serving.take().unwrap().kill();
    let other = new_key();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("ENCRYPTION_KEY", other.expose_secret()),
    ];
    club.serve_by(child::serve(&settings));
    let (status, text) = club.ready().await;
    assert_eq!(status, 503);
    assert!(text.contains("source.secret"), "{text}");
    let output = child::run(&["check"], &settings);
    assert!(!output.status.success());
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("WRONG  the stored secrets"), "{report}");
    assert_eq!(club.send().await.status, 503);
    club.serving.take().unwrap().kill();
    let both = [
        settings[0],
        settings[1],
        ("ENCRYPTION_KEY_OLD", ENCRYPTION_KEY),
    ];
    club.serve_by(child::serve(&both));
    assert_eq!(club.ready().await.0, 200);
    assert_eq!(club.send().await.status, 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_and_key_are_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let migrated = without_key(&["migrate"], &url).output().unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&folder.path().join("latchkey.db.key")), 0o600);
    // The mode that an earlier version gave the file.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let db = Db::connect(&url).await.unwrap();
    let written = db.write(|tx| Box::pin(latchkey::store::probe::write(tx)));
    written.await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(
            mode(Path::new(&format!("{}{suffix}", file.display()))),
            0o600,
            "{suffix}"
        );
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_bound_only_to_their_row_are_bound_to_their_column_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (mut club, url) = a_database(folder.path()).await;
    club.serving.take().unwrap().kill();
    let sealer = Sealer::new(&SecretString::from(ENCRYPTION_KEY), None).unwrap();
    let kind = SecretKind::SourceSecret;
    let db = Db::connect(&url).await.unwrap();
    let all = sealed::of_kind(db.read(), kind, None, None).await.unwrap();
    let before = all.into_iter().next().unwrap();
    let (row, value) = before.clone();
    let secret = sealer.open(kind, row, &value).unwrap();
    let key: [u8; 32] = STANDARD.decode(ENCRYPTION_KEY).unwrap().try_into().unwrap();
    let payload = Payload {
        msg: secret.expose_secret().as_bytes(),
        aad: row.as_bytes(),
    };
    let nonce = [7; 24];
    let cipher = XChaCha20Poly1305::new(&Key::from(key));
    let old = cipher.encrypt(&XNonce::from(nonce), payload).unwrap();
    let old = [&nonce[..], &old].concat();
    let replaced: Result<bool, StoreError> =
        transaction!(db, |tx| sealed::replace(tx, kind, &before, old).await).await;
    assert!(replaced.unwrap());
    db.close().await;
    club.serve_by(child::serve(&as_text(&club.settings)));
    assert_eq!(club.send().await.status, 202);
    let db = Db::connect(&url).await.unwrap();
    let (row, value) = sealed::of_kind(db.read(), kind, None, Some(1))
        .await
        .unwrap()
        .remove(0);
    assert!(sealer.open(kind, row, &value).is_ok());
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_replaces_the_first_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    rotates(format!("sqlite://{}?mode=rwc", file.display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_replaces_the_first_on_postgres() {
    let Some(database) = postgres::fresh().await else {
        return;
    };
    rotates(database.url().to_owned()).await;
    database.remove().await;
}

/// Encrypts the secrets of a club with another key while the service runs. The other key is enough from then on.
async fn rotates(url: String) {
    let (sandbox, _, kisi) = world::kisi(&Clock::system(), None, false);
    let mut club = Club::start(url).await;
    club.settings.push(("KISI_URL", kisi));
    club.serving.take().unwrap().kill();
    club.serve_by(child::serve(&as_text(&club.settings)));
    world::connect(&club.api, &sandbox).await;
    let output = child::run(&["key", "rotate"], &as_text(&club.settings));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(message.contains("LATCHKEY_ENCRYPTION_KEY_OLD"), "{message}");

    club.serving.take().unwrap().kill();
    let new = new_key();
    let new = ("ENCRYPTION_KEY", new.expose_secret().to_owned());
    let mut both = club.settings.clone();
    both.extend([
        new.clone(),
        ("ENCRYPTION_KEY_OLD", ENCRYPTION_KEY.to_owned()),
    ]);
    club.serve_by(child::serve(&as_text(&both)));
    for (anew, current) in [(1, 0), (0, 1)] {
        let output = child::run(&["key", "rotate"], &as_text(&both));
        assert!(output.status.success(), "{output:?}");
        let report = String::from_utf8(output.stdout).unwrap();
        for column in ["kisi_account.credentials", "source.secret"] {
            let line =
                format!("{column}: {anew} encrypted anew, {current} had the new key already");
            assert!(report.contains(&line), "{report}");
        }
        assert_eq!(club.send().await.status, 202);
    }
    club.serving.take().unwrap().kill();

    club.settings.push(new);
    club.serve_by(child::serve(&as_text(&club.settings)));
    assert_eq!(club.ready().await.0, 200);
    assert_eq!(club.send().await.status, 202);
    club.serving.take().unwrap().terminate().await;
    // Without a running service, the check calls Kisi with the stored credentials.
    let output = child::run(&["check"], &as_text(&club.settings));
    assert!(output.status.success(), "{output:?}");
}
