//! Whose access an edit would change, in pages: by name, then by id. What a page shows of people is reckoned again for
//! those on it, so that a preview of a hundred thousand holds no spans. Called by the API.

use std::{cmp::Ordering, sync::Arc};

use access::{Change, Facts, Instant, Span, SpanSet, Target, Trial};
use uuid::Uuid;

use super::{Affected, Preview};
use crate::{
    decide::around,
    store::{
        Db, StoreError,
        facts::{self, Known},
        page::{Key, Keyed, ListOf, Listed, Window},
    },
};

/// Which of those whose access would change.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who gains something.
    Gains,
    /// Who loses something.
    Losses,
}

impl Side {
    pub(super) fn is_of(self, affected: &Affected) -> bool {
        match self {
            Self::Gains => affected.gains,
            Self::Losses => affected.loses,
        }
    }
}

/// The people on one side of a preview.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Of which.
    pub preview: Arc<Preview>,
    /// Which of them.
    pub side: Side,
}

/// Somebody whose access to a target would change.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Who.
    pub member: Uuid,
    /// Where.
    pub target: Target,
    /// When they may pass as things are: what is not over. Windows that recur are shown for the time around the change.
    pub before: Vec<Span>,
    /// When they may pass with the edit.
    pub after: Vec<Span>,
    key: Key,
}

impl Keyed for Changed {
    const LIST: ListOf = ListOf::Changes;

    fn key(&self) -> Key {
        self.key.clone()
    }
}

/// Folded names have no line breaks: behind one stands the target, for a member who is listed twice.
const MARK: char = '\n';

fn key(affected: &Affected) -> Key {
    Key {
        name: format!("{}{MARK}{}", affected.folded_name, affected.target),
        id: affected.member,
    }
}

/// How somebody stands to a key, in the order of the list.
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
        let Preview { affected, case, .. } = &*self.preview;
        let of_side = affected.iter().filter(|it| self.side.is_of(it));
        let listed = window.of_rows(of_side, compare);
        let ids: Vec<Uuid> = listed.iter().map(|it| it.member).collect();
        let holdings = facts::load(db.read(), case.scope, &ids, Known::Now).await?;
        let trials = case.trials();
        let nothing = Facts::default();
        let rows = listed.into_iter().filter_map(|it| {
            let facts = holdings
                .get(&it.member)
                .map_or(&nothing, |held| &held.facts);
            let (trial, target) = (trials.get(it.target)?, case.targets.get(it.target)?);
            let (before, after) = shown(trial, facts, case.at);
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

/// What is shown of somebody; nothing where the facts have moved on in this moment.
fn shown(trial: &Trial<'_>, facts: &Facts, at: Instant) -> (Vec<Span>, Vec<Span>) {
    let Some(change) = trial.change(facts) else {
        return (Vec::new(), Vec::new());
    };
    let seen = seen(&change, trial.within(facts), at);
    let of = |spans: &SpanSet| {
        let overlapping = spans.iter().filter(|span| span.overlaps(&seen));
        overlapping.copied().collect()
    };
    (of(&change.before), of(&change.after))
}

/// The part of time that is shown: all that was compared, but where windows recur, not every one of a year.
fn seen(change: &Change, within: Span, at: Instant) -> Span {
    if within.until.known().is_none() {
        return within;
    }
    let begin = |spans: &SpanSet| spans.iter().next().map(|span| span.from);
    let first = begin(&change.gained).into_iter().chain(begin(&change.lost));
    let first = first.min().unwrap_or(at).max(at);
    Span::new(within.from, around(first).until)
}
