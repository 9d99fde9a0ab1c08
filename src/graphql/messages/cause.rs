//! The cause of a decision, of a fix or of a near miss, and the names that a text about it needs. Names of offerings are loaded
//! when a text is asked for, in one batch for all texts of a response.

use access::{Code, Condition, Id, Instant};
use async_graphql::{Context, Result};
use uuid::Uuid;

use super::MessageContext;
use crate::{decide::AccessContext, graphql::loader, store::convert::row_id};

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
}

impl Message {
    pub fn new(access_context: &AccessContext, cause: Cause) -> Self {
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
        }
    }

    pub fn code(&self) -> Code {
        self.context.code
    }

    /// Loads the names.
    ///
    /// # Errors
    /// INTERNAL if the database fails.
    pub async fn with_names(&self, context: &Context<'_>) -> Result<MessageContext> {
        let keys = self.offerings.iter().map(|id| loader::OfferingKey(*id));
        let rows = loader::load_many(context, keys).await?;
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
