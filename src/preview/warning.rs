//! What is worth a second look in the rules of a target, with an edit made: rules that can never hold, that another makes
//! needless, or that name something that is gone. Only what is proven is said; a rule that is switched off is meant to be.
//! Called by previews.

use std::collections::{BTreeSet, HashMap, HashSet};

use access::{Condition, Instant, Rule, Span, Target, allowed_times, makes_needless};
use uuid::Uuid;

use super::{Case, Proposal};
use crate::{
    decide::row_id,
    store::{
        Connection, StoreError, offerings, row,
        rules::{self, StoredCondition},
        sources,
    },
};

/// What is wrong, as a stable word.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
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
    /// The word.
    pub fn word(self) -> &'static str {
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

/// Something worth a second look.
#[derive(Clone, Debug)]
pub struct Warning {
    /// What.
    pub code: WarningCode,
    /// For people.
    pub message: String,
    /// In which rule; none for one that is not there yet.
    pub rule: Option<row::Rule>,
}

/// A rule that is looked at.
pub(super) struct Subject<'a> {
    rule: &'a Rule,
    name: String,
    conditions: Vec<StoredCondition>,
    row: Option<&'a row::Rule>,
    /// Whether it is the one that is edited.
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
        let standing = self.rule.standing();
        standing.is_some_and(access::RuleVersion::can_hold)
    }
}

/// The rules of the targets with the edit made: the edited one first, then the others that are switched on.
pub(super) fn subjects<'a>(
    case: &'a Case,
    proposal: &Proposal,
) -> Result<Vec<Subject<'a>>, StoreError> {
    let mut all: Vec<Subject<'a>> = Vec::new();
    if let (Some(rule), Some(to)) = (&case.after, &proposal.to) {
        all.push(Subject {
            rule,
            name: to.name.clone(),
            conditions: to.conditions.clone(),
            row: case.before.as_ref().and_then(|it| case.premises.row(it.id)),
            is_edited: true,
        });
    }
    for target in &case.targets {
        for rule in case.kept(*target) {
            let Some(row) = case.premises.row(rule.id) else {
                continue;
            };
            if all.iter().any(|known| known.rule.id == rule.id) {
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

/// The tags that the rules name.
pub(super) fn tags(subjects: &[Subject<'_>]) -> BTreeSet<String> {
    let conditions = subjects.iter().flat_map(|it| &it.conditions);
    let tags = conditions.filter_map(|condition| match condition {
        StoredCondition::Tag { tags } => Some(tags),
        _ => None,
    });
    tags.flatten().cloned().collect()
}

/// All that is worth a second look. `missing`: the tags among theirs that nobody bears.
pub(super) async fn all(
    connection: &impl Connection,
    case: &Case,
    subjects: &[Subject<'_>],
    missing: &BTreeSet<String>,
) -> Result<Vec<Warning>, StoreError> {
    let gone = Gone::load(connection, case, subjects).await?;
    let mut found = of_targets(case);
    for subject in subjects {
        found.extend(of_schedules(subject, case.at));
        found.extend(of_tags(subject, missing));
        found.extend(gone.named_by(subject));
        let others = subjects.iter();
        found.extend(needless(case, subject, others));
    }
    Ok(found)
}

/// A rule on a target where nothing is given.
fn of_targets(case: &Case) -> Vec<Warning> {
    let edited = case.before.as_ref().and_then(|it| case.premises.row(it.id));
    let layout = &case.premises.layout;
    let problem = |target: &Target| match *target {
        Target::Group(group) => match layout.group(row_id(group)) {
            None => Some((
                WarningCode::TargetGone,
                "Kisi has the group of this rule no more, so that it gives nothing".to_owned(),
            )),
            Some(group) if !group.managed => Some((
                WarningCode::TargetNotManaged,
                format!(
                    "the group “{}” is not managed, so that nothing is given in it",
                    group.name
                ),
            )),
            Some(_) => None,
        },
        Target::Lock(lock) => layout.lock(row_id(lock)).is_none().then(|| {
            (
                WarningCode::TargetGone,
                "Kisi has the lock of this rule no more, so that it gives nothing".to_owned(),
            )
        }),
    };
    let found = case.targets.iter().filter_map(problem);
    found
        .map(|(code, message)| Warning {
            code,
            message,
            rule: edited.cloned(),
        })
        .collect()
}

fn of_schedules(subject: &Subject<'_>, at: Instant) -> Option<Warning> {
    let version = subject.rule.standing()?;
    if !allowed_times(&version.conditions, at).is_empty() {
        return None;
    }
    let name = &subject.name;
    let alone =
        |condition: &&Condition| allowed_times(std::slice::from_ref(*condition), at).is_empty();
    let Some(Condition::Schedule(schedule)) = version.conditions.iter().find(alone) else {
        let message = format!(
            "the schedules of “{name}” never allow the same time, so that it can never hold"
        );
        return Some(subject.warn(WarningCode::ScheduleEmpty, message));
    };
    // What has been and comes no more is over; what never was is a mistake in the dates or days.
    let began = schedule.start_date.and_then(|date| {
        let start = date.to_zoned(schedule.zone.clone()).ok()?;
        Some(Instant::from_timestamp(start.timestamp()))
    });
    let past = began.unwrap_or_else(|| at.minus(std::time::Duration::from_hours(24 * 3_660)));
    let only = [Condition::Schedule(schedule.clone())];
    let was = allowed_times(&only, past.min(at));
    let been = was
        .iter()
        .any(|it| it.overlaps(&Span::new(Instant::BEGINNING, at)));
    let last = schedule.end_date.map(|date| date.to_string());
    Some(match last {
        Some(last) if been => {
            let message =
                format!("a schedule of “{name}” is over since {last}, so that it can never hold");
            subject.warn(WarningCode::ScheduleOver, message)
        }
        _ => {
            let message = format!(
                "no day of a schedule of “{name}” lies between its dates, so that it can never hold"
            );
            subject.warn(WarningCode::ScheduleEmpty, message)
        }
    })
}

fn of_tags(subject: &Subject<'_>, missing: &BTreeSet<String>) -> Vec<Warning> {
    let conditions = subject.conditions.iter();
    let unborne = conditions.filter_map(|condition| match condition {
        StoredCondition::Tag { tags } if tags.iter().all(|tag| missing.contains(tag)) => Some(tags),
        _ => None,
    });
    let warn = |tags: &Vec<String>| {
        let message = format!(
            "nobody bears the tag “{}” that “{}” asks for, so that it holds for nobody: tags are \
             compared as the platform writes them",
            tags.join("” or “"),
            subject.name
        );
        subject.warn(WarningCode::NobodyBearsTag, message)
    };
    unborne.map(warn).collect()
}

/// The first rule that makes this one needless at its target. Of two that say the same it is the edited one, else the
/// later.
fn needless<'a>(
    case: &Case,
    subject: &Subject<'_>,
    others: impl Iterator<Item = &'a Subject<'a>>,
) -> Option<Warning> {
    let rank = |it: &Subject<'_>| (it.is_edited, it.rule.id);
    let wider = |other: &&Subject<'_>| {
        other.rule.id != subject.rule.id
            && case.bears(other.rule, subject.rule.target)
            && makes_needless(other.rule, subject.rule)
            && (!makes_needless(subject.rule, other.rule) || rank(other) < rank(subject))
    };
    let mut others = others;
    let other = others.find(wider)?;
    let message = format!(
        "“{}” lets everybody in whom “{}” does, so that “{}” is needless",
        other.name, subject.name, subject.name
    );
    Some(subject.warn(WarningCode::NeedlessRule, message))
}

/// What the rules name that belongs to a source that was removed.
struct Gone {
    offerings: HashMap<Uuid, String>,
    locations: HashMap<Uuid, String>,
}

impl Gone {
    async fn load(
        connection: &impl Connection,
        case: &Case,
        subjects: &[Subject<'_>],
    ) -> Result<Self, StoreError> {
        let mut named = (Vec::new(), Vec::new());
        for condition in subjects.iter().flat_map(|it| &it.conditions) {
            let (offerings, locations) = names(condition);
            named.0.extend_from_slice(offerings);
            named.1.extend_from_slice(locations);
        }
        let offerings = offerings::some(connection, case.scope, &named.0).await?;
        let locations = offerings::locations(connection, case.scope, &named.1).await?;
        let of: HashSet<Uuid> = offerings
            .iter()
            .map(|it| it.source_id)
            .chain(locations.iter().map(|it| it.source_id))
            .collect();
        let of: Vec<Uuid> = of.into_iter().collect();
        let sources = sources::some(connection, case.scope, &of).await?;
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

    fn named_by(&self, subject: &Subject<'_>) -> Vec<Warning> {
        let mut found = Vec::new();
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
                let hence = if names.len() == ids.len() {
                    ", so that it can never hold"
                } else {
                    ""
                };
                let message = format!(
                    "“{}” names “{}” of a source that was removed{hence}",
                    subject.name,
                    names.join("”, “")
                );
                found.push(subject.warn(code, message));
            }
        }
        found
    }
}

/// The offerings and the locations that a condition names.
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
