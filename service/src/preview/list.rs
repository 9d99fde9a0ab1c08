//! Lists the members whose access an edit would change, in pages, by name and id. The spans of a page are computed again for its
//! members, so that a preview of a hundred thousand members stores no spans. Called by the API.

use std::{cmp::Ordering, sync::Arc};

use access::{Change, Facts, Instant, Span, SpanSet, Target, Trial};
use uuid::Uuid;

use super::{Affected, Preview};
use crate::{
    decide::around,
    reconcile::take_over::{self, Person},
    store::{
        Db, StoreError,
        facts::{self, AsOf},
        page::{Key, Keyed, ListKind, Listed, Window},
    },
};

/// Selects the members who gain or the members who lose access; a member can be on both sides.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Members who gain access.
    Gains,
    /// Members who lose access.
    Losses,
}

impl Side {
    pub(super) fn includes(self, affected: &Affected) -> bool {
        match self {
            Self::Gains => affected.gains,
            Self::Losses => affected.loses,
        }
    }
}

/// The members on one side of a preview.
#[derive(Clone, Debug)]
pub struct Changes {
    pub preview: Arc<Preview>,
    pub side: Side,
}

/// A member whose access to a target would change.
#[derive(Clone, Debug)]
pub struct Changed {
    pub member: Uuid,
    pub target: Target,
    /// When the member may pass without the edit, from the instant of the preview on. Recurring windows are limited to the time
    /// around the first change.
    pub before: Vec<Span>,
    /// When the member may pass with the edit, limited in the same way.
    pub after: Vec<Span>,
    key: Key,
}

/// The people whose assignments, made by others in Kisi, the edit removes.
#[derive(Clone, Debug)]
pub struct Removed(pub Arc<Preview>);

impl Listed for Removed {
    type Row = Person;

    async fn rows(&self, _: &Db, window: &Window) -> Result<Vec<Person>, StoreError> {
        let rows = window.of_rows(self.0.removed.iter(), take_over::compare);
        Ok(rows.into_iter().cloned().collect())
    }

    async fn count(&self, _: &Db) -> Result<u64, StoreError> {
        Ok(self.0.removed_count() as u64)
    }
}

impl Keyed for Changed {
    const LIST: ListKind = ListKind::Changes;

    fn key(&self) -> Key {
        self.key.clone()
    }
}

/// Separates the name from the target index, because a member can be listed for two targets. Folded names contain no line breaks.
const MARK: char = '\n';

fn key(affected: &Affected) -> Key {
    Key {
        name: format!("{}{MARK}{}", affected.folded_name, affected.target),
        id: affected.member,
    }
}

/// Compares a member with a key, in the order of the list.
fn compare(affected: &Affected, key: &Key) -> Ordering {
    let (name, target) = key.name.rsplit_once(MARK).unwrap_or((&key.name, "0"));
    let own = (
        affected.folded_name.as_str(),
        affected.member,
        affected.target,
    );
    own.cmp(&(name, key.id, target.parse().unwrap_or(0)))
}

impl Listed for Changes {
    type Row = Changed;

    async fn rows(&self, db: &Db, window: &Window) -> Result<Vec<Changed>, StoreError> {
        let Preview { affected, diff, .. } = &*self.preview;
        let of_side = affected.iter().filter(|it| self.side.includes(it));
        let listed = window.of_rows(of_side, compare);
        let ids: Vec<Uuid> = listed.iter().map(|it| it.member).collect();
        let holdings = facts::load(db.read(), diff.scope, &ids, AsOf::Now).await?;
        let trials = diff.trials();
        let nothing = Facts::default();
        let rows = listed.into_iter().filter_map(|it| {
            let facts = holdings
                .get(&it.member)
                .map_or(&nothing, |holdings| &holdings.facts);
            let (trial, target) = (trials.get(it.target)?, diff.targets.get(it.target)?);
            let (before, after) = visible_spans(trial, facts, diff.at);
            Some(Changed {
                member: it.member,
                target: *target,
                before,
                after,
                key: key(it),
            })
        });
        Ok(rows.collect())
    }

    async fn count(&self, _: &Db) -> Result<u64, StoreError> {
        Ok(self.preview.count(self.side) as u64)
    }
}

/// The displayed spans; empty if the facts of the member changed since the preview.
fn visible_spans(trial: &Trial<'_>, facts: &Facts, at: Instant) -> (Vec<Span>, Vec<Span>) {
    let Some(change) = trial.change(facts) else {
        return (Vec::new(), Vec::new());
    };
    let visible = visible_range(&change, trial.within(facts), at);
    let of = |spans: &SpanSet| {
        let overlapping = spans.iter().filter(|span| span.overlaps(&visible));
        overlapping.copied().collect()
    };
    (of(&change.before), of(&change.after))
}

/// The displayed part of time: all that was compared, or, with recurring windows, only up to the time around the first change.
fn visible_range(change: &Change, within: Span, at: Instant) -> Span {
    if within.until.known().is_none() {
        return within;
    }
    let begin = |spans: &SpanSet| spans.iter().next().map(|span| span.from);
    let first = begin(&change.gained).into_iter().chain(begin(&change.lost));
    let first = first.min().unwrap_or(at).max(at);
    Span::new(within.from, around(first).until)
}
