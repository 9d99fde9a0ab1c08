//! Lists members by conditions that need their facts: who may pass a target, who has a tag, who is in a company. Reads the
//! members in list order and evaluates them in chunks until the page is full, so that a page never loads the whole club.

use std::sync::Arc;

use access::{Facts, Instant, Target};
use uuid::Uuid;

use super::{AccessContext, EvaluationBudget, evaluations::CachedAnswers};
use crate::store::{
    ClubScope, Db, StoreError,
    convert::id,
    facts::{self, AsOf, Holdings},
    page::{Keyed, Listed, Window},
    row,
};

/// The size of the first chunk; each following one is twice as large, up to `MOST_CHUNK`.
const FIRST_CHUNK: u64 = 256;
const MOST_CHUNK: u64 = 512;
/// How many members are evaluated before the task yields to others.
const YIELD_EVERY: usize = 64;

/// The filter for members; an empty one accepts all.
#[derive(Clone, Debug, Default)]
pub struct MemberCriteria {
    pub access: Option<AccessCriterion>,
    /// The member has this tag.
    pub tag: Option<String>,
    /// The member is in this company.
    pub company: Option<Uuid>,
    /// At this instant the member holds an entitlement of this offering that has neither ended nor been cancelled.
    pub offering: Option<(Uuid, Instant)>,
}

/// Filters members by whether they may pass a target at an instant.
#[derive(Clone, Debug)]
pub struct AccessCriterion {
    /// Needed by this filter only, so other lists need not load it.
    pub access_context: Arc<AccessContext>,
    pub target: Target,
    pub at: Instant,
    /// True for the members who may pass, false for the others.
    pub allowed: bool,
}

impl AccessCriterion {
    fn matches(&self, facts: &Facts) -> bool {
        self.access_context.may_pass(facts, self.target, self.at) == self.allowed
    }
}

impl MemberCriteria {
    /// Whether the filter needs the facts of members.
    pub fn needs_facts(&self) -> bool {
        self.access.is_some()
            || self.tag.is_some()
            || self.company.is_some()
            || self.offering.is_some()
    }

    fn matches(&self, holdings: &Holdings) -> bool {
        let facts = &holdings.facts;
        self.tag.as_ref().is_none_or(|tag| facts.tags.contains(tag))
            && self
                .company
                .is_none_or(|company| holdings.companies.contains(&company))
            && self
                .offering
                .is_none_or(|(offering, at)| holds(facts, offering, at))
            && self
                .access
                .as_ref()
                .is_none_or(|passing| passing.matches(facts))
    }
}

/// Whether a member holds an entitlement of an offering at `at`.
fn holds(facts: &Facts, offering: Uuid, at: Instant) -> bool {
    let mut held = facts.entitlements.iter();
    held.any(|it| it.offering == id(offering) && it.span.contains(at) && !it.holding.is_over())
}

/// A list of members, filtered.
#[derive(Debug)]
pub struct FilteredMembers<L> {
    pub scope: ClubScope,
    /// The unfiltered list.
    pub members: L,
    pub criteria: MemberCriteria,
    /// The budget and the cached results of the document.
    pub evaluations: Arc<EvaluationBudget>,
    /// A cache key that distinguishes `members` from other lists of the same document.
    pub cache_key: String,
}

impl<L: Listed<Row = row::Member>> FilteredMembers<L> {
    /// The members of a chunk that pass the filter.
    async fn filter(
        &self,
        db: &Db,
        rows: Vec<row::Member>,
    ) -> Result<Vec<row::Member>, StoreError> {
        if !self.criteria.needs_facts() {
            return Ok(rows);
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let _turn = self.evaluations.turn().await;
        let holdings = facts::load(db.read(), self.scope, &ids, AsOf::Now).await?;
        let mut matching = Vec::new();
        for (index, row) in rows.into_iter().enumerate() {
            if index % YIELD_EVERY == YIELD_EVERY - 1 {
                tokio::task::yield_now().await;
            }
            let facts = holdings.get(&row.id);
            if facts.is_some_and(|facts| self.criteria.matches(facts)) {
                matching.push(row);
            }
        }
        Ok(matching)
    }

    /// Walks the members of a window in chunks until `take` returns true. `pay` is charged before a chunk is evaluated.
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
            let enough = take(self.filter(db, rows).await?);
            if enough || is_last {
                return Ok(());
            }
        }
    }
}

impl<L: Listed<Row = row::Member>> Listed for FilteredMembers<L> {
    type Row = row::Member;

    async fn rows(&self, db: &Db, window: &Window) -> Result<Vec<row::Member>, StoreError> {
        if !self.criteria.needs_facts() {
            return self.members.rows(db, window).await;
        }
        let Some(answers) = self.answers(Some(window)) else {
            return self.evaluate_rows(db, window).await;
        };
        let rows = answers
            .rows
            .get_or_try_init(|| self.evaluate_rows(db, window));
        rows.await.cloned()
    }

    async fn count(&self, db: &Db) -> Result<u64, StoreError> {
        if !self.criteria.needs_facts() {
            return self.members.count(db).await;
        }
        let Some(answers) = self.answers(None) else {
            return self.evaluate_count(db).await;
        };
        let count = answers.count.get_or_try_init(|| self.evaluate_count(db));
        count.await.copied()
    }
}

impl<L: Listed<Row = row::Member>> FilteredMembers<L> {
    /// The cached result of the same question in this document: for a page (`part`) or for the whole list.
    fn answers(&self, part: Option<&Window>) -> Option<Arc<CachedAnswers>> {
        let MemberCriteria {
            access: passing,
            tag,
            company,
            offering,
        } = &self.criteria;
        let passing = passing.as_ref()?;
        let criterion = (passing.target, passing.at, passing.allowed);
        let question = format!(
            "{criterion:?} {tag:?} {company:?} {offering:?} {part:?} {}",
            self.cache_key
        );
        Some(self.evaluations.answers(&passing.access_context, question))
    }

    async fn evaluate_rows(
        &self,
        db: &Db,
        window: &Window,
    ) -> Result<Vec<row::Member>, StoreError> {
        let most = usize::try_from(window.most).unwrap_or(usize::MAX);
        let mut page = Vec::new();
        let nearest_first = |mut rows: Vec<row::Member>| {
            if window.from_end {
                rows.reverse();
            }
            rows
        };
        let question = self.evaluations.begin();
        let pay = |members| self.evaluations.spend(&question, members);
        self.walk(db, window, pay, |rows| {
            page.extend(nearest_first(rows));
            page.len() >= most
        })
        .await?;
        page.truncate(most);
        Ok(nearest_first(page))
    }

    async fn evaluate_count(&self, db: &Db) -> Result<u64, StoreError> {
        // A page may be full early, but a count evaluates every member, so the whole cost is charged first.
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
