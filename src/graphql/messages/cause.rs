//! The cause of a decision, of a fix or of a near miss, and the names that a text about it needs. Names of offerings are loaded
//! when a text is asked for, in one batch for all texts of a response.

use std::sync::Arc;

use access::{Code, Condition, Id, Instant};
use async_graphql::{Context, Result};
use uuid::Uuid;

use super::MessageContext;
use crate::{
    decide::AccessContext,
    graphql::{loader, offering::Offering, rule::Rule, scalar::DateTime},
    store::{convert::row_id, row},
};

/// What a text is about, by ids.
#[derive(Copy, Clone, Debug)]
pub struct Cause {
    pub code: Code,
    pub at: Instant,
    pub edge: Option<Instant>,
    pub until: Option<Instant>,
    pub by_share: bool,
    pub rule: Option<Id>,
    /// The index of the failing condition in the rule.
    pub condition: Option<usize>,
    pub offering: Option<Id>,
    pub is_cancelled: bool,
}

/// A text whose names of offerings are not loaded yet.
#[derive(Clone, Debug)]
pub struct Message {
    context: MessageContext,
    offerings: Vec<Uuid>,
    access_context: Arc<AccessContext>,
    rule: Option<Id>,
}

impl Message {
    pub fn new(access_context: &Arc<AccessContext>, cause: Cause) -> Self {
        let condition = cause
            .rule
            .zip(cause.condition)
            .and_then(|(rule, index)| access_context.condition(rule, index));
        let offerings = match cause.offering {
            Some(offering) => vec![row_id(offering)],
            None => accepted(condition).iter().map(|id| row_id(*id)).collect(),
        };
        let tags = match condition {
            Some(Condition::Tag(tag)) => tag.tags.clone(),
            _ => Vec::new(),
        };
        let rule = cause.rule.and_then(|rule| access_context.row(rule));
        Self {
            context: MessageContext {
                code: cause.code,
                at: cause.at,
                edge: cause.edge,
                until: cause.until,
                by_share: cause.by_share,
                rule: rule.map(|row| row.name.clone()),
                offerings: Vec::new(),
                tags,
                is_cancelled: cause.is_cancelled,
                zone: access_context.zone.clone(),
            },
            offerings,
            access_context: access_context.clone(),
            rule: cause.rule,
        }
    }

    /// The version of the rule that was evaluated.
    pub fn rule(&self) -> Option<Rule> {
        let row = self.access_context.row(self.rule?)?;
        Some(Rule(row.clone()))
    }

    /// When access begins or when it ended, if the cause has such a time.
    pub fn edge(&self) -> Option<DateTime> {
        self.context.edge.map(|edge| DateTime(edge.micros()))
    }

    /// The tags that the rule's condition accepts.
    pub fn tags(&self) -> &[String] {
        &self.context.tags
    }

    /// The offerings that the text names.
    pub async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        let rows = self.load_offerings(context).await?;
        Ok(rows.into_iter().map(Offering).collect())
    }

    async fn load_offerings(&self, context: &Context<'_>) -> Result<Vec<Arc<row::Offering>>> {
        let keys = self.offerings.iter().map(|id| loader::OfferingKey(*id));
        loader::load_many(context, keys).await
    }

    pub fn code(&self) -> Code {
        self.context.code
    }

    /// Loads the names.
    ///
    /// # Errors
    /// INTERNAL if the database fails.
    pub async fn with_names(&self, context: &Context<'_>) -> Result<MessageContext> {
        let rows = self.load_offerings(context).await?;
        let offerings = rows.iter().map(|row| row.name.clone()).collect();
        Ok(MessageContext {
            offerings,
            ..self.context.clone()
        })
    }
}

/// The offerings that a condition accepts; empty if it accepts all, or has none.
fn accepted(condition: Option<&Condition>) -> &[Id] {
    match condition {
        Some(Condition::Membership(membership)) => &membership.offerings,
        Some(Condition::Registration(registration)) => &registration.offerings,
        Some(Condition::Purchase(purchase)) => &purchase.offerings,
        Some(Condition::Tag(_) | Condition::Schedule(_)) | None => &[],
    }
}
