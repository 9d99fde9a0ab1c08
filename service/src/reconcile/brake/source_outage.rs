//! Detects likely source outages: every member of a source who has access is losing it, at once or one after the other. Adds a
//! note to the revocations that are held for the source, new and earlier ones. It decides nothing. Called by the brake.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use crate::store::{ClubScope, Connection, StoreError, deliveries, due, lookup, revocations, row};

/// The sources that probably have an outage, each with its note.
pub struct SourceOutageDetector {
    source_of: HashMap<Uuid, Uuid>,
    notes: HashMap<Uuid, String>,
    /// Revocations of these sources that were held earlier, without a note.
    earlier: Vec<row::Revocation>,
}

impl SourceOutageDetector {
    /// Checks the sources whose events caused `rows`, which are about to be held. Members in `passed_members` recently passed the
    /// brake, so they count as losing access.
    pub async fn find(
        connection: &impl Connection,
        scope: ClubScope,
        rows: &[&row::Revocation],
        with_access: &[Uuid],
        passed_members: &BTreeSet<Uuid>,
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
            // A single member is no evidence of an outage.
            if losing.len() < 2 {
                continue;
            }
            let of_source = due::members_of_source(connection, scope, *source).await?;
            let of_source: BTreeSet<Uuid> = of_source.into_iter().collect();
            let mut members_with_access = with_access.iter().filter(|id| of_source.contains(*id));
            let is_lost = |id: &Uuid| losing.contains(id) || passed_members.contains(id);
            if members_with_access.all(is_lost)
                && let Some(row) = lookup::by_id::<row::Source>(connection, scope, *source).await?
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

    /// The note to append to the cause of a revocation; empty if its source is not suspected.
    pub fn note(&self, row: &row::Revocation) -> &str {
        let source = row.delivery_id.and_then(|id| self.source_of.get(&id));
        let note = source.and_then(|source| self.notes.get(source));
        note.map_or("", String::as_str)
    }

    /// Adds the notes to revocations that were held earlier.
    pub async fn note_earlier(
        &self,
        connection: &impl Connection,
        scope: ClubScope,
    ) -> Result<(), StoreError> {
        let mut ids_by_note: HashMap<&str, Vec<Uuid>> = HashMap::new();
        for row in &self.earlier {
            ids_by_note.entry(self.note(row)).or_default().push(row.id);
        }
        for (note, rows) in ids_by_note {
            revocations::suspect_outage(connection, scope, &rows, note).await?;
        }
        Ok(())
    }
}

fn note(source: &str, people: usize) -> String {
    format!(
        ": this affects everybody of “{source}” who has access, {people} people. The source itself is probably at fault: \
         check it before you approve"
    )
}
