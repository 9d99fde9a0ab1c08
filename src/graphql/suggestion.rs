//! The GraphQL types of suggested rules. `crate::suggest` decides what is suggested; here it becomes the input of a rule, and texts.

use std::time::Duration as Length;

use async_graphql::{Context, Enum, ID, InputType, Object, Result};

use super::{
    error::internal_error,
    group::Group,
    input::{
        rule::{
            ConditionInput, MembershipConditionInput, PurchaseConditionInput,
            RegistrationConditionInput, RuleInput,
        },
        rule_change::RuleChangeInput,
    },
    node,
    offering::Offering,
    preview::AccessPreview,
    query::preview::preview_change,
    rule::{BlockedPolicy, Condition, RegistrationSpan, Rule},
    scalar::{Duration, Json},
};
use crate::{
    id::Kind,
    ingest::readers::name_of,
    store::row,
    suggest::{
        AmbiguousName, ItemGroup, MARGIN_S, SuggestedCondition, Suggestion, Suggestions,
        UnknownGroup,
    },
};

/// How much of a group's and of a source's name the name of a suggested rule takes, in characters.
const MAX_NAME_CHARS: usize = 80;

/// Why a rule is suggested.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::suggest::Reason")]
pub enum RuleSuggestionReason {
    /// The platform gives the group with the offerings.
    PlatformMapping,
    /// The offering and the group have the same name, apart from case, accents, spaces and words such as "membership".
    Name,
}

pub struct RuleSuggestions {
    source: row::Source,
    found: Suggestions,
}

impl RuleSuggestions {
    pub fn new(source: row::Source, found: Suggestions) -> Self {
        Self { source, found }
    }
}

/// What follows from the offerings of a source, and what does not.
#[Object(crate = "crate::graphql::resolve")]
impl RuleSuggestions {
    /// The suggested rules, those that no rule covers yet first.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn suggestions(&self) -> Vec<RuleSuggestion> {
        let rules = self.found.rules.iter();
        rules
            .map(|found| RuleSuggestion {
                source: self.source.clone(),
                found: found.clone(),
            })
            .collect()
    }

    /// Groups that the platform gives with its offerings and that no connected Kisi account has.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn unknown_groups(&self) -> Vec<UnknownGroupMapping> {
        let unknown = self.found.unknown_groups.iter();
        let platform = name_of(self.source.platform);
        unknown
            .map(|found| UnknownGroupMapping(platform, found.clone()))
            .collect()
    }

    /// Names that several offerings or several groups have, so that nothing is suggested for them.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn ambiguous_names(&self) -> Vec<AmbiguousGroupName> {
        let ambiguous = self.found.ambiguous_names.iter();
        ambiguous.cloned().map(AmbiguousGroupName).collect()
    }

    /// Groups that the platform gives with single sales of an offering instead of the offering's own group. No rule can say this.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn item_groups(&self) -> Vec<ItemGroupMapping> {
        let platform = name_of(self.source.platform);
        let items = self.found.item_groups.iter();
        items
            .map(|found| ItemGroupMapping(platform, found.clone()))
            .collect()
    }
}

pub struct RuleSuggestion {
    source: row::Source,
    found: Suggestion,
}

impl RuleSuggestion {
    fn offering_ids(&self) -> Vec<ID> {
        let ids = self.found.offerings.iter();
        ids.map(|offering| node::id(Kind::Offering, offering.id))
            .collect()
    }

    fn condition_input(&self) -> ConditionInput {
        let (offerings, locations) = (self.offering_ids(), Vec::new());
        let margin = Duration(Length::from_secs(MARGIN_S));
        match self.found.condition {
            SuggestedCondition::Membership => {
                ConditionInput::Membership(MembershipConditionInput {
                    offerings,
                    locations,
                    when_blocked: BlockedPolicy::Deny,
                    grace: None,
                })
            }
            SuggestedCondition::Purchase => ConditionInput::Purchase(PurchaseConditionInput {
                offerings,
                locations,
            }),
            SuggestedCondition::Registration { guests } => {
                ConditionInput::Registration(RegistrationConditionInput {
                    offerings,
                    kinds: Vec::new(),
                    locations,
                    opens_before: margin.into(),
                    closes_after: margin.into(),
                    span: RegistrationSpan::Booking,
                    guests,
                    applies_to_ongoing: true,
                })
            }
        }
    }

    fn rule_input(&self) -> RuleInput {
        let cut = |name: &str| name.chars().take(MAX_NAME_CHARS).collect::<String>();
        let what = match self.found.condition {
            SuggestedCondition::Membership => "memberships",
            SuggestedCondition::Purchase => "billing items",
            SuggestedCondition::Registration { guests: true } => "bookings of rooms",
            SuggestedCondition::Registration { guests: false } => "bookings",
        };
        let (group, source) = (cut(&self.found.group.name), cut(&self.source.name));
        RuleInput {
            name: format!("{group}: {what} ({source})"),
            target: node::id(Kind::Group, self.found.group.id),
            conditions: vec![self.condition_input()],
            enabled: true,
        }
    }
}

/// A rule that an admin may create.
#[Object(crate = "crate::graphql::resolve")]
impl RuleSuggestion {
    /// The group that the rule grants access to. A rule for an unmanaged group takes effect once the group is managed.
    async fn group(&self) -> Group {
        Group(self.found.group.clone())
    }

    /// The offerings that the rule names.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn offerings(&self) -> Vec<Offering> {
        let offerings = self.found.offerings.iter();
        offerings.cloned().map(Offering::from).collect()
    }

    /// The conditions of the rule.
    #[graphql(complexity = "crate::graphql::page::capped_product(5, child_complexity)")]
    async fn conditions(&self) -> Vec<Condition> {
        let ids = self.found.offerings.iter().map(|offering| offering.id);
        let stored = self.found.condition.stored(ids.collect());
        vec![Condition::from(stored)]
    }

    /// The rule as a `RuleInput`: pass it unchanged to `createRule` or `previewRule`.
    async fn input(&self) -> Result<Json> {
        let input = self.rule_input().to_value().into_json();
        input.map(Json).map_err(internal_error)
    }

    /// Why the rule is suggested.
    async fn reason(&self) -> RuleSuggestionReason {
        self.found.reason.into()
    }

    /// The reason as text.
    async fn message(&self) -> String {
        let (offerings, group) = (names(&self.found.offerings), &self.found.group.name);
        match self.found.reason.into() {
            RuleSuggestionReason::PlatformMapping => {
                let platform = name_of(self.source.platform);
                format!("{platform} gives the group “{group}” with {offerings}.")
            }
            RuleSuggestionReason::Name => {
                format!("Matched by name: {offerings} and the group “{group}”.")
            }
        }
    }

    /// The enabled rule that already grants the same access, or more; null if there is none.
    async fn existing(&self) -> Option<Rule> {
        self.found.existing.clone().map(Rule)
    }

    /// The effects of creating the rule, as `previewRule` gives them. Evaluates all members.
    #[graphql(complexity = "crate::graphql::page::capped_product(1, child_complexity) + 5_000")]
    async fn preview(&self, context: &Context<'_>) -> Result<AccessPreview> {
        let change = RuleChangeInput::Create(self.rule_input());
        preview_change(context, &change, None).await
    }
}

pub struct UnknownGroupMapping(&'static str, UnknownGroup);

/// Offerings with a group that no connected Kisi account has.
#[Object(crate = "crate::graphql::resolve")]
impl UnknownGroupMapping {
    /// Kisi's id of the group, as the platform gives it.
    async fn kisi_id(&self) -> ID {
        self.1.kisi_id.into()
    }

    /// The offerings that the platform gives it with.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn offerings(&self) -> Vec<Offering> {
        let offerings = self.1.offerings.iter();
        offerings.cloned().map(Offering::from).collect()
    }

    /// What is wrong, and what to do next.
    async fn message(&self) -> String {
        let (platform, id) = (self.0, self.1.kisi_id);
        let offerings = names(&self.1.offerings);
        format!(
            "{platform} gives the Kisi group {id} with {offerings}, but no connected Kisi account has this group: choose another \
             group there, connect its Kisi account (connectKisi), or read new groups from Kisi (refreshKisi)."
        )
    }
}

pub struct AmbiguousGroupName(AmbiguousName);

/// Offerings and groups that have the same name, apart from case, accents, spaces and words such as "membership".
#[Object(crate = "crate::graphql::resolve")]
impl AmbiguousGroupName {
    /// The offerings with the name.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn offerings(&self) -> Vec<Offering> {
        let offerings = self.0.offerings.iter();
        offerings.cloned().map(Offering::from).collect()
    }

    /// The groups with the name.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn groups(&self) -> Vec<Group> {
        self.0.groups.iter().cloned().map(Group).collect()
    }

    /// What is wrong, and what to do next.
    async fn message(&self) -> String {
        let groups = self.0.groups.iter();
        let groups = listed(groups.map(|group| group.name.as_str()));
        let offerings = names(&self.0.offerings);
        format!(
            "{offerings} and the groups {groups} have the same name, so none is suggested: create the rule that you mean (createRule)."
        )
    }
}

pub struct ItemGroupMapping(&'static str, ItemGroup);

/// A group that the platform gives with single sales of an offering.
#[Object(crate = "crate::graphql::resolve")]
impl ItemGroupMapping {
    /// The offering.
    async fn offering(&self) -> Offering {
        self.1.offering.clone().into()
    }

    /// Kisi's id of the group, as the platform gives it.
    async fn kisi_id(&self) -> ID {
        self.1.kisi_id.into()
    }

    /// The group; null if no connected Kisi account has it.
    async fn group(&self) -> Option<Group> {
        self.1.group.clone().map(Group)
    }

    /// What is wrong, and what to do next.
    async fn message(&self) -> String {
        let (platform, name, id) = (self.0, &self.1.offering.name, self.1.kisi_id);
        let group = self.1.group.as_ref();
        let group = group.map_or_else(|| format!("{id}"), |group| format!("“{}”", group.name));
        format!(
            "{platform} gives single holders of “{name}” the group {group} instead. A rule gives all holders the same: share the \
             group with these members (shareAccess), or sell them an offering of their own."
        )
    }
}

fn names(offerings: &[row::Offering]) -> String {
    listed(offerings.iter().map(|offering| offering.name.as_str()))
}

/// The first names, quoted, and the number of the others.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 5;
    let more = names.len().saturating_sub(MOST);
    let shown: Vec<String> = names.take(MOST).map(|name| format!("“{name}”")).collect();
    let shown = shown.join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}
