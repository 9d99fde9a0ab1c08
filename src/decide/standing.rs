//! Members of whom something is true that only their facts can say: who may pass a target, who bears a tag, who is in a
//! company. Listed in pages without loading everybody: people are looked at in their order, in chunks, until the page is
//! full.

use std::sync::Arc;

use access::{Facts, Instant, Target};
use uuid::Uuid;

use super::Premises;
use crate::store::{
    Db, Scope, StoreError,
    facts::{self, Holdings, Known},
    page::{Keyed, Listed, Window},
    row,
};

/// How many are looked at first; each chunk after it is twice as large, up to the most.
const FIRST_CHUNK: u64 = 256;
const MOST_CHUNK: u64 = 2048;

/// What must be true of a member; of nothing, everything is.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Whether the member may pass a target.
    pub passing: Option<Passing>,
    /// Bears this tag.
    pub tag: Option<String>,
    /// Is in this company.
    pub company: Option<Uuid>,
}

/// Whether a member may pass a target at an instant, or may not.
#[derive(Clone, Debug)]
pub struct Passing {
    /// What decisions hang on. Whoever asks for nothing of the kind need not load them.
    pub premises: Arc<Premises>,
    /// Where.
    pub target: Target,
    /// When.
    pub at: Instant,
    /// Whether those are wanted who may.
    pub allowed: bool,
}

impl Passing {
    fn is_true(&self, facts: &Facts) -> bool {
        self.premises.may_pass(facts, self.target, self.at) == self.allowed
    }
}

impl Wanted {
    /// Whether there is anything that the facts have to be asked for.
    pub fn asks(&self) -> bool {
        self.passing.is_some() || self.tag.is_some() || self.company.is_some()
    }

    fn is_true(&self, holdings: &Holdings) -> bool {
        let facts = &holdings.facts;
        self.tag.as_ref().is_none_or(|tag| facts.tags.contains(tag))
            && self
                .company
                .is_none_or(|company| holdings.companies.contains(&company))
            && self
                .passing
                .as_ref()
                .is_none_or(|passing| passing.is_true(facts))
    }
}

/// The members of a list of whom something is true.
#[derive(Debug)]
pub struct Standing<L> {
    /// Whose members.
    pub scope: Scope,
    /// Who is looked at, in which order.
    pub members: L,
    /// What must be true.
    pub wanted: Wanted,
}

impl<L: Listed<Row = row::Member>> Standing<L> {
    /// Those of a chunk of whom it is true.
    async fn true_of(
        &self,
        db: &Db,
        rows: Vec<row::Member>,
    ) -> Result<Vec<row::Member>, StoreError> {
        if !self.wanted.asks() {
            return Ok(rows);
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let holdings = facts::load(db.read(), self.scope, &ids, Known::Now).await?;
        let is_true = |row: &row::Member| {
            let held = holdings.get(&row.id);
            held.is_some_and(|held| self.wanted.is_true(held))
        };
        Ok(rows.into_iter().filter(is_true).collect())
    }

    /// Everybody in a window, in chunks; `enough` is asked with what was found so far.
    async fn walk(
        &self,
        db: &Db,
        window: &Window,
        mut take: impl FnMut(Vec<row::Member>) -> bool + Send,
    ) -> Result<(), StoreError> {
        let mut part = Window {
            most: FIRST_CHUNK,
            ..window.clone()
        };
        loop {
            let rows = self.members.rows(db, &part).await?;
            let is_last = (rows.len() as u64) < part.most;
            let edge = if window.from_end {
                rows.first()
            } else {
                rows.last()
            };
            let edge = edge.map(Keyed::key);
            if window.from_end {
                part.before = edge;
            } else {
                part.after = edge;
            }
            part.most = (part.most * 2).min(MOST_CHUNK);
            let enough = take(self.true_of(db, rows).await?);
            if enough || is_last {
                return Ok(());
            }
        }
    }
}

impl<L: Listed<Row = row::Member>> Listed for Standing<L> {
    type Row = row::Member;

    async fn rows(&self, db: &Db, window: &Window) -> Result<Vec<row::Member>, StoreError> {
        if !self.wanted.asks() {
            return self.members.rows(db, window).await;
        }
        let most = usize::try_from(window.most).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let nearest_first = |mut rows: Vec<row::Member>| {
            if window.from_end {
                rows.reverse();
            }
            rows
        };
        self.walk(db, window, |rows| {
            found.extend(nearest_first(rows));
            found.len() >= most
        })
        .await?;
        found.truncate(most);
        Ok(nearest_first(found))
    }

    async fn count(&self, db: &Db) -> Result<u64, StoreError> {
        if !self.wanted.asks() {
            return self.members.count(db).await;
        }
        let mut count = 0;
        self.walk(db, &Window::default(), |rows| {
            count += rows.len() as u64;
            false
        })
        .await?;
        Ok(count)
    }
}
