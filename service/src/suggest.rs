//! Suggests rules from what a platform itself maps to Kisi's groups, or, where a platform maps nothing, from names that are the
//! same. A pure function over stored rows; it neither creates a rule nor calls Kisi or the platform. Called by the API.

use std::collections::BTreeMap;

use access::{Condition, Instant, Rule, RuleVersion, Target, makes_redundant};
use uuid::Uuid;

use crate::store::{
    ClubScope, Connection, StoreError, convert,
    facts::AsOf,
    kisi_accounts, offerings,
    row::{self, KisiStatus, OfferingKind, Platform},
    rules::{self, Blocked, StoredCondition},
    setup,
};

mod names;

/// The access that Spacebring's own integration gives before and after a booking, in seconds.
pub const MARGIN_S: u64 = 1_800;
/// The most offerings of a condition.
const MAX_OFFERINGS: usize = 250;

/// Why a rule is suggested.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The platform gives the group with the offerings.
    PlatformMapping,
    /// The offering and the group have the same name.
    Name,
}

/// The condition of a suggested rule, without its offerings.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuggestedCondition {
    Membership,
    Purchase,
    /// Spacebring gives access to people who are invited to a room, and to nobody else's guests.
    Registration {
        guests: bool,
    },
}

impl SuggestedCondition {
    fn of(kind: OfferingKind) -> Self {
        match kind {
            OfferingKind::Membership => Self::Membership,
            OfferingKind::BillingItem => Self::Purchase,
            kind => Self::Registration {
                guests: kind == OfferingKind::Room,
            },
        }
    }

    /// The condition in its stored form; everything else has the API's defaults.
    pub fn stored(self, offerings: Vec<Uuid>) -> StoredCondition {
        match self {
            Self::Membership => StoredCondition::Membership {
                offerings,
                locations: Vec::new(),
                when_blocked: Blocked::Deny,
                grace_s: None,
            },
            Self::Purchase => StoredCondition::Purchase {
                offerings,
                locations: Vec::new(),
            },
            Self::Registration { guests } => StoredCondition::Registration {
                offerings,
                kinds: Vec::new(),
                locations: Vec::new(),
                opens_before_s: MARGIN_S,
                closes_after_s: MARGIN_S,
                day: false,
                guests,
                applies_to_ongoing: true,
            },
        }
    }
}

/// A rule that gives a group to the holders of these offerings.
#[derive(Clone, Debug)]
pub struct Suggestion {
    pub group: row::Group,
    pub condition: SuggestedCondition,
    pub reason: Reason,
    /// At least one, and at most as many as a condition may have.
    pub offerings: Vec<row::Offering>,
    /// The enabled rule that already gives the same access, or more.
    pub existing: Option<row::Rule>,
}

/// Offerings that the platform maps to a group that no connected Kisi account has.
#[derive(Clone, Debug)]
pub struct UnknownGroup {
    pub kisi_id: i64,
    pub offerings: Vec<row::Offering>,
}

/// Offerings and groups with the same name, more than one of either.
#[derive(Clone, Debug)]
pub struct AmbiguousName {
    pub offerings: Vec<row::Offering>,
    pub groups: Vec<row::Group>,
}

/// An offering of which single sales have another group than the offering itself.
#[derive(Clone, Debug)]
pub struct ItemGroup {
    pub offering: row::Offering,
    pub kisi_id: i64,
    /// `None` if no connected Kisi account has it.
    pub group: Option<row::Group>,
}

/// What follows from the offerings of a source.
#[derive(Clone, Debug, Default)]
pub struct Suggestions {
    /// Those without an existing rule first.
    pub rules: Vec<Suggestion>,
    pub unknown_groups: Vec<UnknownGroup>,
    pub ambiguous_names: Vec<AmbiguousName>,
    pub item_groups: Vec<ItemGroup>,
}

/// The suggestions for a source of the club.
pub async fn suggest(
    connection: &impl Connection,
    scope: ClubScope,
    source: &row::Source,
) -> Result<Suggestions, StoreError> {
    let accounts = kisi_accounts::all(connection, scope).await?;
    let is_connected = |group: &row::Group| {
        let account = accounts.iter().find(|it| it.id == group.account_id);
        account.is_some_and(|it| {
            !matches!(
                it.status,
                KisiStatus::Disconnecting | KisiStatus::Disconnected
            )
        })
    };
    let mut groups = setup::all_groups(connection, scope).await?;
    groups.retain(is_connected);
    let offerings = offerings::of_source(connection, scope, source.id).await?;
    let rules = rules::load(connection, scope, AsOf::Now).await?;
    suggestions(source.platform, &offerings, &groups, rules)
}

/// `offerings` and `groups` are sorted by name.
fn suggestions(
    platform: Platform,
    offerings: &[row::Offering],
    groups: &[row::Group],
    rules: Vec<(Rule, row::Rule)>,
) -> Result<Suggestions, StoreError> {
    let groups = preferred(groups);
    let by_kisi_id = |kisi_id: i64| groups.iter().filter(move |it| it.kisi_id == kisi_id);
    let mut found = Suggestions::default();
    let mut matches: Vec<(&row::Offering, &row::Group, Reason)> = Vec::new();
    let mut unknown: BTreeMap<i64, Vec<row::Offering>> = BTreeMap::new();
    for offering in offerings {
        if let Some(kisi_id) = offering.kisi_group {
            let before = matches.len();
            let mapped = by_kisi_id(kisi_id);
            matches.extend(mapped.map(|group| (offering, *group, Reason::PlatformMapping)));
            if matches.len() == before {
                unknown.entry(kisi_id).or_default().push(offering.clone());
            }
        }
        for kisi_id in offerings::item_groups(offering)? {
            found.item_groups.push(ItemGroup {
                offering: offering.clone(),
                kisi_id,
                group: by_kisi_id(kisi_id).next().map(|group| (*group).clone()),
            });
        }
    }
    // Spacebring maps by ids: what it maps to no group gives no access there.
    if platform != Platform::Spacebring {
        let same = names::same(offerings, &groups);
        matches.extend(same.pairs.into_iter().map(|(o, g)| (o, g, Reason::Name)));
        found.ambiguous_names = same.ambiguous;
    }
    found.unknown_groups = unknown
        .into_iter()
        .map(|(kisi_id, offerings)| UnknownGroup { kisi_id, offerings })
        .collect();
    found.rules = combined(&groups, &matches, rules);
    Ok(found)
}

/// One row of each group of Kisi's: two accounts may see the same group. Managed rows come before others.
fn preferred(groups: &[row::Group]) -> Vec<&row::Group> {
    let managed: Vec<i64> = groups
        .iter()
        .filter(|group| group.managed)
        .map(|group| group.kisi_id)
        .collect();
    let is_preferred = |group: &&row::Group| group.managed || !managed.contains(&group.kisi_id);
    groups.iter().filter(is_preferred).collect()
}

/// A suggestion for all offerings of a group with the same condition, reason and existing rule; more than one if a condition cannot
/// name them all.
fn combined(
    groups: &[&row::Group],
    matches: &[(&row::Offering, &row::Group, Reason)],
    rules: Vec<(Rule, row::Rule)>,
) -> Vec<Suggestion> {
    let rules = ComparableRules::of(rules);
    let mut parts: BTreeMap<_, (Option<&row::Rule>, Vec<row::Offering>)> = BTreeMap::new();
    for (offering, group, reason) in matches.iter().copied() {
        let condition = SuggestedCondition::of(offering.kind);
        let existing = rules.covering(group, condition, offering);
        let position = groups.iter().position(|it| it.id == group.id);
        let key = (existing.map(|it| it.rule_id), position, condition, reason);
        let (_, offerings) = parts.entry(key).or_insert((existing, Vec::new()));
        offerings.push(offering.clone());
    }
    let mut suggestions = Vec::new();
    for ((_, position, condition, reason), (existing, offerings)) in parts {
        let Some(group) = position.and_then(|position| groups.get(position)) else {
            continue;
        };
        let chunks = offerings.chunks(MAX_OFFERINGS);
        suggestions.extend(chunks.map(|offerings| Suggestion {
            group: (*group).clone(),
            condition,
            reason,
            offerings: offerings.to_vec(),
            existing: existing.cloned(),
        }));
    }
    suggestions
}

/// The current rules, in a form in which coverage can be proven.
struct ComparableRules(Vec<(Rule, row::Rule)>);

impl ComparableRules {
    /// What a rule gives to bookings that have already started depends on its earlier versions, and is not compared.
    fn of(mut rules: Vec<(Rule, row::Rule)>) -> Self {
        let versions = rules.iter_mut().flat_map(|(rule, _)| &mut rule.versions);
        for condition in versions.flat_map(|version| &mut version.conditions) {
            if let Condition::Registration(registration) = condition {
                registration.applies_to_ongoing = true;
            }
        }
        Self(rules)
    }

    /// An enabled rule that gives the group to all holders of the offering, at the same times or longer.
    fn covering(
        &self,
        group: &row::Group,
        condition: SuggestedCondition,
        offering: &row::Offering,
    ) -> Option<&row::Rule> {
        let target = Target::Group(convert::id(group.id));
        let suggested = Rule {
            id: convert::id(Uuid::nil()),
            target,
            versions: vec![RuleVersion {
                since: Instant::BEGINNING,
                enabled: true,
                conditions: vec![convert::rules::condition(
                    &condition.stored(vec![offering.id]),
                )],
            }],
        };
        let covers = |rule: &Rule| rule.target == target && makes_redundant(rule, &suggested);
        let covering = self.0.iter().find(|(rule, _)| covers(rule));
        covering.map(|(_, row)| row)
    }
}
