//! Whether a source is likelier at fault than all of its people: everybody of it who has access is losing it, at once or
//! one after the other. Says so on whatever is held for it, earlier or now. Never decides anything. Called by the brake.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use crate::store::{ClubScope, Connection, StoreError, deliveries, due, revocations, row, sources};

/// The sources that are likelier at fault, with what is said of each.
pub struct SourceOutageDetector {
    source_of: HashMap<Uuid, Uuid>,
    notes: HashMap<Uuid, String>,
    /// Held before, by one of these sources, and not noted then.
    earlier: Vec<row::Revocation>,
}

impl SourceOutageDetector {
    /// Among the sources by whose events these are about to be held. Whoever was `let_through` lately is losing access, or
    /// has lost it.
    pub async fn find(
        connection: &impl Connection,
        scope: ClubScope,
        rows: &[&row::Revocation],
        with_access: &[Uuid],
        let_through: &BTreeSet<Uuid>,
    ) -> Result<Self, StoreError> {
        let state = row::RevocationState::Held;
        let mut earlier = revocations::in_state(connection, scope, state).await?;
        let all = rows.iter().copied().chain(&earlier);
        let ids: BTreeSet<Uuid> = all.clone().filter_map(|row| row.delivery_id).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let source_of = deliveries::sources_of(connection, scope, &ids).await?;
        let source = |row: &row::Revocation| source_of.get(&row.delivery_id?).copied();
        let mut losing: HashMap<Uuid, BTreeSet<Uuid>> = HashMap::new();
        for source in rows.iter().filter_map(|row| source(row)) {
            losing.entry(source).or_default();
        }
        for row in all {
            if let Some(losing) = source(row).and_then(|source| losing.get_mut(&source)) {
                losing.insert(row.member_id);
            }
        }
        let mut notes = HashMap::new();
        for (source, losing) in &losing {
            // One alone is no sign of anything.
            if losing.len() < 2 {
                continue;
            }
            let of_source = due::members_of_source(connection, scope, *source).await?;
            let of_source: BTreeSet<Uuid> = of_source.into_iter().collect();
            let mut theirs = with_access.iter().filter(|id| of_source.contains(*id));
            let is_lost = |id: &Uuid| losing.contains(id) || let_through.contains(id);
            if theirs.all(is_lost)
                && let Some(row) = sources::get(connection, scope, *source).await?
            {
                notes.insert(*source, note(&row.name, losing.len()));
            }
        }
        earlier.retain(|row| {
            source(row).is_some_and(|source| notes.contains_key(&source)) && !row.outage_suspected
        });
        Ok(Self {
            source_of,
            notes,
            earlier,
        })
    }

    /// What is to be said of the cause of a row; nothing where its source is not suspected.
    pub fn note(&self, row: &row::Revocation) -> &str {
        let source = row.delivery_id.and_then(|id| self.source_of.get(&id));
        let note = source.and_then(|source| self.notes.get(source));
        note.map_or("", String::as_str)
    }

    /// Says it of what was held before.
    pub async fn tell_earlier(
        &self,
        connection: &impl Connection,
        scope: ClubScope,
    ) -> Result<(), StoreError> {
        let mut told: HashMap<&str, Vec<Uuid>> = HashMap::new();
        for row in &self.earlier {
            told.entry(self.note(row)).or_default().push(row.id);
        }
        for (note, rows) in told {
            revocations::suspect_outage(connection, scope, &rows, note).await?;
        }
        Ok(())
    }
}

fn note(source: &str, people: usize) -> String {
    format!(
        ": it would take access from everybody of “{source}” who has it, {people} people; the source is likelier at fault than all of \
         them, so look at it before you approve"
    )
}
