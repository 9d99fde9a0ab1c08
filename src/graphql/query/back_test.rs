//! The query `backtestRule`: what an edit of a rule would have changed about the recorded entries.

use std::time::Duration;

use access::{Instant, Span};
use async_graphql::{Context, Object, Result};

use crate::{
    graphql::{
        access_event::AccessEvent,
        context::{self, require_staff},
        error::{bad_input, internal_error, list_error},
        input::rule_change::RuleChangeInput,
        page,
        query::preview::valid_proposal,
        scalar::DateTime,
    },
    preview::{self, BackTest},
    store::{page::Listed, row},
};

/// The longest period.
const MAX_PERIOD: Duration = Duration::from_hours(366 * 24);
/// How many events each list shows.
const MAX_SHOWN: usize = 250;

#[derive(Default)]
pub struct BackTests;

#[Object(crate = "crate::graphql::resolve")]
impl BackTests {
    /// Evaluates an edit of a rule against the recorded entries and refusals (`listenToKisi`, `unlock`), as if it had always been
    /// in effect: which entries would have been refused, and which refusals allowed. Uses what is known now about the members.
    /// Changes nothing.
    #[graphql(complexity = "page::capped_product(1, child_complexity) + 5_000")]
    async fn backtest_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The edit.")] change: RuleChangeInput,
        #[graphql(desc = "Events at this time or later.")] from: DateTime,
        #[graphql(desc = "Events before this time, at most 366 days later. Defaults to now.")]
        until: Option<DateTime>,
    ) -> Result<RuleBackTest> {
        let scope = require_staff(context)?;
        let app = context::app(context)?;
        let until = until.map_or_else(|| app.clock.now(), |at| Instant::from_micros(at.0));
        let period = Span::new(Instant::from_micros(from.0), until);
        if period.is_empty() {
            return Err(bad_input("until: must be after `from`"));
        }
        if until > period.from.plus(MAX_PERIOD) {
            return Err(bad_input("until: at most 366 days after `from`"));
        }
        let proposal = valid_proposal(context, &change).await?;
        let events = preview::recorded(scope, period);
        let count = events.count(&app.db).await.map_err(internal_error)?;
        let evaluations = context::evaluations(context)?;
        let most = u64::try_from(preview::MAX_EVENTS).unwrap_or(u64::MAX);
        let spent = evaluations.spend(&evaluations.begin(), count.min(most).saturating_mul(2));
        spent.map_err(list_error)?;
        let result = preview::back_test(&app.db, scope, &proposal, period, evaluations.turns());
        let result = result.await.map_err(internal_error)?;
        result
            .map(RuleBackTest)
            .ok_or_else(|| bad_input("change: the rule no longer exists"))
    }
}

pub struct RuleBackTest(BackTest);

/// What an edit of a rule would have changed about the recorded entries and refusals at the doors that the rule concerns.
#[Object(crate = "crate::graphql::resolve")]
impl RuleBackTest {
    /// Number of recorded entries of members there.
    async fn entry_count(&self) -> i32 {
        number(self.0.entries)
    }

    /// Number of recorded refusals of members there.
    async fn refusal_count(&self) -> i32 {
        number(self.0.refusals)
    }

    /// Number of entries that the current rules do not explain either, such as those of staff in groups that are not managed,
    /// or under rules that were changed since.
    async fn unexplained_count(&self) -> i32 {
        number(self.0.unexplained)
    }

    /// Number of entries that would have been refused.
    async fn refused_entry_count(&self) -> i32 {
        number(self.0.refused.len())
    }

    /// Number of refusals that would have been allowed.
    async fn allowed_refusal_count(&self) -> i32 {
        number(self.0.allowed.len())
    }

    /// The entries that would have been refused, the oldest first; at most 250.
    #[graphql(complexity = "page::capped_product(20, child_complexity)")]
    async fn refused_entries(&self) -> Vec<AccessEvent> {
        shown(&self.0.refused)
    }

    /// The refusals that would have been allowed, the oldest first; at most 250.
    #[graphql(complexity = "page::capped_product(20, child_complexity)")]
    async fn allowed_refusals(&self) -> Vec<AccessEvent> {
        shown(&self.0.allowed)
    }

    /// The time of the last event that was evaluated, if there were too many for one back-test: give a shorter period. Null if
    /// all were evaluated.
    async fn ends_early_at(&self) -> Option<DateTime> {
        self.0.ends_early.map(DateTime)
    }
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn shown(events: &[row::HistoryEntry]) -> Vec<AccessEvent> {
    let shown = events.iter().take(MAX_SHOWN);
    shown.cloned().map(AccessEvent).collect()
}
