//! Who may pass where, when, and why: the pure heart of the service.
//!
//! Facts and rules go in; for a target, the spans in which a member may pass come out, each with
//! its reasons. Whether she may pass now is a lookup in them, why is the tree that produced them,
//! when it changes is their next edge, and what Kisi must hold is the spans themselves. There is no
//! clock, no I/O, no randomness and no serialization in here: every function gives the same answer
//! for the same arguments, for ever.
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

pub use self::{
    brake::{Brake, held_back, losses},
    code::Code,
    condition::{ConditionAccess, NearMiss, holds_membership, near_misses},
    decide::Decision,
    evaluate::{Access, RuleAccess, evaluate},
    explain::{Fix, FixParty, fixes},
    fact::{
        Block, BlockReason, Entitlement, Facts, Holding, Id, MembershipStatus, OfferingKind,
        PurchaseStatus, RegistrationStatus, Scope, Share, Suspension, Via,
    },
    instant::Instant,
    plan::{Abilities, Ability, Desired, Grant, Lane, Plan, Step, plan},
    preview::{Change, Effect, Trial, allowed_times, makes_needless},
    rounding::{Answer, Granularity},
    rule::{
        BlockedPolicy, Condition, MembershipCondition, PurchaseCondition, RegistrationCondition,
        RegistrationSpan, Rule, RuleVersion, ScheduleCondition, TagCondition, Target,
    },
    span::{Span, SpanSet},
};
