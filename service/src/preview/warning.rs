//! Warnings about the rules of a target after an edit: rules that can never hold, that another rule makes redundant, or that
//! refer to something that is gone. Reports only what is proven; disabled rules are skipped. Called by previews.

use std::collections::{BTreeSet, HashMap, HashSet};

use access::{Condition, Instant, Rule, Span, Target, allowed_times, makes_redundant};
use uuid::Uuid;

use super::{Proposal, RuleDiff};
use crate::store::{
    Connection, StoreError,
    convert::row_id,
    lookup, row,
    rules::{self, StoredCondition},
};

/// The kind of a warning; the names are stable.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum WarningCode {
    ScheduleOver,
    ScheduleEmpty,
    NobodyBearsTag,
    OfferingGone,
    LocationGone,
    TargetGone,
    TargetNotManaged,
    NeedlessRule,
}

impl WarningCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScheduleOver => "SCHEDULE_OVER",
            Self::ScheduleEmpty => "SCHEDULE_EMPTY",
            Self::NobodyBearsTag => "NOBODY_BEARS_TAG",
            Self::OfferingGone => "OFFERING_GONE",
            Self::LocationGone => "LOCATION_GONE",
            Self::TargetGone => "TARGET_GONE",
            Self::TargetNotManaged => "TARGET_NOT_MANAGED",
            Self::NeedlessRule => "NEEDLESS_RULE",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Warning {
    pub code: WarningCode,
    /// The text for people.
    pub message: String,
    /// The rule; `None` for a rule that the edit would create.
    pub rule: Option<row::Rule>,
}

/// A rule to check.
pub(super) struct Subject<'a> {
    rule: &'a Rule,
    name: String,
    conditions: Vec<StoredCondition>,
    row: Option<&'a row::Rule>,
    /// Whether this is the edited rule.
    is_edited: bool,
}

impl Subject<'_> {
    fn warn(&self, code: WarningCode, message: String) -> Warning {
        Warning {
            code,
            message,
            rule: self.row.cloned(),
        }
    }

    fn can_hold(&self) -> bool {
        let current = self.rule.current();
        current.is_some_and(access::RuleVersion::can_hold)
    }
}

/// The enabled rules of the targets after the edit: the edited one first, then the others.
pub(super) fn subjects<'a>(
    diff: &'a RuleDiff,
    proposal: &Proposal,
) -> Result<Vec<Subject<'a>>, StoreError> {
    let mut all: Vec<Subject<'a>> = Vec::new();
    if let (Some(rule), Some(to)) = (&diff.after, &proposal.to) {
        all.push(Subject {
            rule,
            name: to.name.clone(),
            conditions: to.conditions.clone(),
            row: diff
                .before
                .as_ref()
                .and_then(|it| diff.access_context.row(it.id)),
            is_edited: true,
        });
    }
    for target in &diff.targets {
        for rule in diff.other_rules(*target) {
            let Some(row) = diff.access_context.row(rule.id) else {
                continue;
            };
            if all.iter().any(|subject| subject.rule.id == rule.id) {
                continue;
            }
            all.push(Subject {
                rule,
                name: row.name.clone(),
                conditions: rules::conditions(row)?,
                row: Some(row),
                is_edited: false,
            });
        }
    }
    all.retain(Subject::can_hold);
    Ok(all)
}

/// The tags in the conditions of the rules.
pub(super) fn tags(subjects: &[Subject<'_>]) -> BTreeSet<String> {
    let conditions = subjects.iter().flat_map(|it| &it.conditions);
    let tags = conditions.filter_map(|condition| match condition {
        StoredCondition::Tag { tags } => Some(tags),
        _ => None,
    });
    tags.flatten().cloned().collect()
}

/// All warnings. `missing`: the tags of the rules that no member has.
pub(super) async fn all(
    connection: &impl Connection,
    diff: &RuleDiff,
    subjects: &[Subject<'_>],
    missing: &BTreeSet<String>,
) -> Result<Vec<Warning>, StoreError> {
    let gone = RemovedReferences::load(connection, diff, subjects).await?;
    let mut warnings = of_targets(diff);
    for subject in subjects {
        warnings.extend(of_schedules(subject, diff.at));
        warnings.extend(of_tags(subject, missing));
        warnings.extend(gone.warnings_for(subject));
        let others = subjects.iter();
        warnings.extend(redundant(diff, subject, others));
    }
    Ok(warnings)
}

/// Warns of targets that are gone or not managed.
fn of_targets(diff: &RuleDiff) -> Vec<Warning> {
    let edited = diff
        .before
        .as_ref()
        .and_then(|it| diff.access_context.row(it.id));
    let layout = &diff.access_context.layout;
    let problem = |target: &Target| match *target {
        Target::Group(group) => match layout.group(row_id(group)) {
            None => Some((
                WarningCode::TargetGone,
                "the group of this rule no longer exists in Kisi, so the rule gives no access"
                    .to_owned(),
            )),
            Some(group) if !group.managed => Some((
                WarningCode::TargetNotManaged,
                format!(
                    "the group “{}” is not managed, so the rule gives no access until you manage the group",
                    group.name
                ),
            )),
            Some(_) => None,
        },
        Target::Lock(lock) => layout.lock(row_id(lock)).is_none().then(|| {
            (
                WarningCode::TargetGone,
                "the lock of this rule no longer exists in Kisi, so the rule gives no access"
                    .to_owned(),
            )
        }),
    };
    let problems = diff.targets.iter().filter_map(problem);
    problems
        .map(|(code, message)| Warning {
            code,
            message,
            rule: edited.cloned(),
        })
        .collect()
}

fn of_schedules(subject: &Subject<'_>, at: Instant) -> Option<Warning> {
    let version = subject.rule.current()?;
    if !allowed_times(&version.conditions, at).is_empty() {
        return None;
    }
    let name = &subject.name;
    let alone =
        |condition: &&Condition| allowed_times(std::slice::from_ref(*condition), at).is_empty();
    let Some(Condition::Schedule(schedule)) = version.conditions.iter().find(alone) else {
        let message =
            format!("the schedules of “{name}” never overlap, so the rule never gives access");
        return Some(subject.warn(WarningCode::ScheduleEmpty, message));
    };
    // A schedule that had windows in the past has ended; one that never had any has a mistake in its dates or days.
    let began = schedule.start_date.and_then(|date| {
        let start = date.to_zoned(schedule.zone.clone()).ok()?;
        Some(Instant::from_timestamp(start.timestamp()))
    });
    let past = began.unwrap_or_else(|| at.minus(std::time::Duration::from_hours(24 * 3_660)));
    let only = [Condition::Schedule(schedule.clone())];
    let past_windows = allowed_times(&only, past.min(at));
    let has_occurred = past_windows
        .iter()
        .any(|it| it.overlaps(&Span::new(Instant::BEGINNING, at)));
    let last = schedule.end_date.map(|date| date.to_string());
    Some(match last {
        Some(last) if has_occurred => {
            let message = format!(
                "a schedule of “{name}” ended on {last}, so the rule never gives access again"
            );
            subject.warn(WarningCode::ScheduleOver, message)
        }
        _ => {
            let message = format!(
                "a schedule of “{name}” has no day between its start and end dates, so the rule never gives access"
            );
            subject.warn(WarningCode::ScheduleEmpty, message)
        }
    })
}

fn of_tags(subject: &Subject<'_>, missing: &BTreeSet<String>) -> Vec<Warning> {
    let conditions = subject.conditions.iter();
    let unmatched = conditions.filter_map(|condition| match condition {
        StoredCondition::Tag { tags } if tags.iter().all(|tag| missing.contains(tag)) => Some(tags),
        _ => None,
    });
    let warn = |tags: &Vec<String>| {
        let message = format!(
            "nobody has the tag “{}” that “{}” requires, so the rule gives access to nobody: tags must be \
             written exactly as on the platform",
            tags.join("” or “"),
            subject.name
        );
        subject.warn(WarningCode::NobodyBearsTag, message)
    };
    unmatched.map(warn).collect()
}

/// Warns if another rule makes this one redundant at its target. Of two equivalent rules only one gets the warning: the edited
/// one, else the later one.
fn redundant<'a>(
    diff: &RuleDiff,
    subject: &Subject<'_>,
    others: impl Iterator<Item = &'a Subject<'a>>,
) -> Option<Warning> {
    let rank = |it: &Subject<'_>| (it.is_edited, it.rule.id);
    let wider = |other: &&Subject<'_>| {
        other.rule.id != subject.rule.id
            && diff.applies_to(other.rule, subject.rule.target)
            && makes_redundant(other.rule, subject.rule)
            && (!makes_redundant(subject.rule, other.rule) || rank(other) < rank(subject))
    };
    let mut others = others;
    let other = others.find(wider)?;
    let message = format!(
        "“{}” gives access to everyone who has it by “{}”, so “{}” is redundant",
        other.name, subject.name, subject.name
    );
    Some(subject.warn(WarningCode::NeedlessRule, message))
}

/// The offerings and locations in the rules whose source was removed.
struct RemovedReferences {
    offerings: HashMap<Uuid, String>,
    locations: HashMap<Uuid, String>,
}

impl RemovedReferences {
    async fn load(
        connection: &impl Connection,
        diff: &RuleDiff,
        subjects: &[Subject<'_>],
    ) -> Result<Self, StoreError> {
        let mut ids = (Vec::new(), Vec::new());
        for condition in subjects.iter().flat_map(|it| &it.conditions) {
            let (offerings, locations) = names(condition);
            ids.0.extend_from_slice(offerings);
            ids.1.extend_from_slice(locations);
        }
        let offerings = lookup::by_ids::<row::Offering>(connection, diff.scope, &ids.0).await?;
        let locations = lookup::by_ids::<row::Location>(connection, diff.scope, &ids.1).await?;
        let of: HashSet<Uuid> = offerings
            .iter()
            .map(|it| it.source_id)
            .chain(locations.iter().map(|it| it.source_id))
            .collect();
        let of: Vec<Uuid> = of.into_iter().collect();
        let sources = lookup::by_ids::<row::Source>(connection, diff.scope, &of).await?;
        let removed: HashSet<Uuid> = sources
            .into_iter()
            .filter(|source| source.removed_at.is_some())
            .map(|source| source.id)
            .collect();
        let offerings = offerings.into_iter();
        let locations = locations.into_iter();
        Ok(Self {
            offerings: offerings
                .filter(|it| removed.contains(&it.source_id))
                .map(|it| (it.id, it.name))
                .collect(),
            locations: locations
                .filter(|it| removed.contains(&it.source_id))
                .map(|it| (it.id, it.name))
                .collect(),
        })
    }

    fn warnings_for(&self, subject: &Subject<'_>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for condition in &subject.conditions {
            let (offerings, locations) = names(condition);
            let lists = [
                (WarningCode::OfferingGone, offerings, &self.offerings),
                (WarningCode::LocationGone, locations, &self.locations),
            ];
            for (code, ids, gone) in lists {
                let names: Vec<&str> = ids
                    .iter()
                    .filter_map(|id| gone.get(id))
                    .map(String::as_str)
                    .collect();
                if names.is_empty() {
                    continue;
                }
                let consequence = if names.len() == ids.len() {
                    ", so the rule never gives access"
                } else {
                    ""
                };
                let message = format!(
                    "“{}” refers to “{}” of a source that was removed{consequence}",
                    subject.name,
                    names.join("”, “")
                );
                warnings.push(subject.warn(code, message));
            }
        }
        warnings
    }
}

/// The offerings and locations in a condition.
fn names(condition: &StoredCondition) -> (&[Uuid], &[Uuid]) {
    match condition {
        StoredCondition::Membership {
            offerings,
            locations,
            ..
        }
        | StoredCondition::Registration {
            offerings,
            locations,
            ..
        }
        | StoredCondition::Purchase {
            offerings,
            locations,
        } => (offerings, locations),
        StoredCondition::Tag { .. } | StoredCondition::Schedule { .. } => (&[], &[]),
    }
}
