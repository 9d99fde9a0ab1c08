//! Decides who may pass which door, when, and why.
//!
//! `evaluate` takes the facts of one member and the rules of one target and returns the spans in which the member may pass, with
//! the reasons. A decision is a lookup in these spans, the next change is their next edge, and what Kisi must hold is the spans
//! themselves. The crate has no clock, I/O, randomness or serialization: every function returns the same result for the same
//! arguments.
//!
//! ```
//! use access::{
//!     Code, Condition, Facts, Id, Instant, Rule, RuleVersion, Span, TagCondition, Target,
//!     evaluate,
//! };
//!
//! let staff = Condition::Tag(TagCondition { tags: vec!["staff".to_owned()] });
//! let rule = Rule {
//!     id: Id(1),
//!     target: Target::Group(Id(2)),
//!     versions: vec![RuleVersion {
//!         since: Instant::BEGINNING,
//!         enabled: true,
//!         conditions: vec![staff],
//!     }],
//! };
//! let mut facts = Facts::default();
//! let (now, around) = (Instant::from_micros(0), Span::ALWAYS);
//! assert_eq!(evaluate(&facts, &[&rule], &[], around).decide(now).code, Code::TagMissing);
//!
//! facts.tags.push("staff".to_owned());
//! let decision = evaluate(&facts, &[&rule], &[], around).decide(now);
//! assert!(decision.allowed);
//! assert_eq!(decision.rule, Some(rule.id));
//! ```

pub mod brake;
pub mod code;
pub mod condition;
pub mod decide;
pub mod evaluate;
pub mod explain;
pub mod fact;
pub mod instant;
pub mod plan;
pub mod preview;
pub mod rounding;
pub mod rule;
pub mod span;
pub mod timeline;

pub use self::{
    brake::{Brake, held_back, losses},
    code::Code,
    condition::{ConditionAccess, NearMiss, has_active_membership, near_misses},
    decide::Decision,
    evaluate::{Access, RuleAccess, evaluate},
    explain::{Fix, FixParty, fixes},
    fact::{
        AccessScope, Block, BlockReason, Entitlement, Facts, Holding, Id, MembershipStatus,
        OfferingKind, PurchaseStatus, RegistrationStatus, Share, Suspension, Via,
    },
    instant::Instant,
    plan::{Abilities, Ability, Desired, Grant, Lane, Plan, Step, plan},
    preview::{Change, Effect, Trial, allowed_times, makes_redundant},
    rounding::{Granularity, WindowMatch},
    rule::{
        BlockedPolicy, Condition, MembershipCondition, PurchaseCondition, RegistrationCondition,
        RegistrationSpan, Rule, RuleVersion, ScheduleCondition, TagCondition, Target,
    },
    span::{Span, SpanSet},
    timeline::Segment,
};
