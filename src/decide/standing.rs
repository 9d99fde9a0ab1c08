//! Members of whom something is true that only their facts can say: who may pass a target, who bears a tag, who is in a
//! company. Listed in pages without loading everybody: people are looked at in their order, in chunks, until the page is
//! full.

use std::sync::Arc;

use access::{Facts, Instant, Target};
use uuid::Uuid;

use super::{Evaluations, Premises, evaluations::Answers};
use crate::store::{
    Db, Scope, StoreError,
    facts::{self, Holdings, Known},
    page::{Keyed, Listed, Window},
    row,
};

/// How many are looked at first; each chunk after it is twice as large, up to the most.
const FIRST_CHUNK: u64 = 256;
const MOST_CHUNK: u64 = 512;
/// How many are judged before other tasks have their turn.
const SLICE: usize = 64;

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
    /// What the document has evaluated so far.
    pub evaluations: Arc<Evaluations>,
    /// What tells `members` apart from other lists of the document.
    pub narrowed: String,
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
        let _turn = self.evaluations.turn().await;
        let holdings = facts::load(db.read(), self.scope, &ids, Known::Now).await?;
        let mut found = Vec::new();
        for (index, row) in rows.into_iter().enumerate() {
            if index % SLICE == SLICE - 1 {
                tokio::task::yield_now().await;
            }
            let held = holdings.get(&row.id);
            if held.is_some_and(|held| self.wanted.is_true(held)) {
                found.push(row);
            }
        }
        Ok(found)
    }

    /// Everybody in a window, in chunks, until `take` has enough; `pay` is asked before a chunk is evaluated.
    async fn walk(
        &self,
        db: &Db,
        window: &Window,
        pay: impl Fn(u64) -> Result<(), StoreError> + Send + Sync,
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
            pay(rows.len() as u64)?;
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
        let Some(answers) = self.answers(Some(window)) else {
            return self.rows_anew(db, window).await;
        };
        let rows = answers.rows.get_or_try_init(|| self.rows_anew(db, window));
        rows.await.cloned()
    }

    async fn count(&self, db: &Db) -> Result<u64, StoreError> {
        if !self.wanted.asks() {
            return self.members.count(db).await;
        }
        let Some(answers) = self.answers(None) else {
            return self.count_anew(db).await;
        };
        let count = answers.count.get_or_try_init(|| self.count_anew(db));
        count.await.copied()
    }
}

impl<L: Listed<Row = row::Member>> Standing<L> {
    /// What was answered to the same question in the same document: all of the list, or a part of it.
    fn answers(&self, part: Option<&Window>) -> Option<Arc<Answers>> {
        let Wanted {
            passing,
            tag,
            company,
        } = &self.wanted;
        let passing = passing.as_ref()?;
        let asked = (passing.target, passing.at, passing.allowed);
        let question = format!("{asked:?} {tag:?} {company:?} {part:?} {}", self.narrowed);
        Some(self.evaluations.answers(&passing.premises, question))
    }

    async fn rows_anew(&self, db: &Db, window: &Window) -> Result<Vec<row::Member>, StoreError> {
        let most = usize::try_from(window.most).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let nearest_first = |mut rows: Vec<row::Member>| {
            if window.from_end {
                rows.reverse();
            }
            rows
        };
        let question = self.evaluations.begin();
        let pay = |members| self.evaluations.spend(&question, members);
        self.walk(db, window, pay, |rows| {
            found.extend(nearest_first(rows));
            found.len() >= most
        })
        .await?;
        found.truncate(most);
        Ok(nearest_first(found))
    }

    async fn count_anew(&self, db: &Db) -> Result<u64, StoreError> {
        // A page may be full early, but a count needs everybody: it is paid before the first is evaluated.
        let everybody = self.members.count(db).await?;
        self.evaluations
            .spend(&self.evaluations.begin(), everybody)?;
        let mut count = 0;
        self.walk(
            db,
            &Window::default(),
            |_| Ok(()),
            |rows| {
                count += rows.len() as u64;
                false
            },
        )
        .await?;
        Ok(count)
    }
}
