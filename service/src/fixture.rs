//! The fixture of the tests inside the crates: the service on a database of its own, with one club and without loops. The crate of
//! the API compiles this file as well and adds the API and the Kisi sandbox.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize},
};

use access::Instant;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    app::App,
    clock::{Clock, new_id},
    config::Config,
    store::{ClubScope, StoreError, clubs, row, sources},
    transaction,
};

/// A Monday, 13:00 in Berlin. The clock of the fixture stands still there.
pub const NOON: &str = "2026-03-02T12:00:00Z";

/// In microseconds.
pub fn instant(text: &str) -> i64 {
    Instant::from_timestamp(text.parse().unwrap()).micros()
}

/// The service with one club.
pub struct TestApp {
    pub app: Arc<App>,
    pub scope: ClubScope,
    /// The number of statements that read.
    pub reads: Arc<AtomicUsize>,
    pub _folder: Arc<TempDir>,
}

impl TestApp {
    /// The service with these settings beside its database.
    pub async fn start(clock: Clock, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}/club.db?mode=rwc", folder.path().display());
        let database = ("LATCHKEY_DATABASE_URL", database.as_str());
        let settings = settings.iter().chain([&database]);
        let settings = settings.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = Config::load(None, settings, &BTreeMap::new()).unwrap();
        let mut app = App::start(config, clock).await.unwrap();
        let reads = Arc::get_mut(&mut app).unwrap().db.count_reads();
        Self {
            scope: create_club(&app, "Example Club").await,
            app,
            reads,
            _folder: Arc::new(folder),
        }
    }
}

/// A clock that stands still at `NOON`.
pub fn at_noon() -> Clock {
    Clock::manual(Instant::from_micros(instant(NOON)))
}

pub async fn create_club(app: &App, name: &str) -> ClubScope {
    let row = club_row(new_id(), name);
    let scope = ClubScope::new(row.id);
    let made: Result<(), StoreError> =
        transaction!(app.db, |tx| clubs::create(tx, row).await).await;
    made.unwrap();
    scope
}

/// A club in Berlin whose brake holds more than three people in an hour.
pub fn club_row(id: Uuid, name: &str) -> row::Club {
    row::Club {
        id,
        name: name.to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        revision: 0,
        brake_enabled: true,
        brake_people: 3,
        brake_percent: 5,
        brake_window_s: 3_600,
        known_since: None,
        unlock_visibility: row::UnlockVisibility::Members,
        created_at: 0,
    }
}

/// A connected account about which nothing has been learned.
pub fn account_row(scope: ClubScope, id: Uuid) -> row::KisiAccount {
    row::KisiAccount {
        id,
        club_id: scope.club,
        name: "Kisi".to_owned(),
        organization_id: Some(9_007_199_254_740_993),
        kisi_user_id: Some(1),
        credentials: Vec::new(),
        place_kisi_id: None,
        invite_by_email: true,
        status: row::KisiStatus::Connected,
        problem: None,
        last_read_at: None,
        read_due_at: 0,
        stopped_until: None,
        change_window: row::Ability::Unknown,
        duplicate_assignments: row::Ability::Unknown,
        granularity_s: 1,
        place_role: None,
        organization_role: None,
        roles_judged_at: Some(0),
        created_at: 0,
    }
}

/// A canonical source.
pub fn source_row(scope: ClubScope, id: Uuid) -> row::Source {
    row::Source {
        name: "Books".to_owned(),
        path_key: "key".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        ..sources::blank(scope, id, 0)
    }
}
