//! Validates a rule input and converts it to the stored form: every target, offering and location that it names exists and has
//! the right kind. Errors carry the path of the input field. Read-only. Called by the rule mutations and the previews.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{
    given::Given,
    rule::{
        ConditionInput, MembershipConditionInput, PurchaseConditionInput,
        RegistrationConditionInput, RuleInput, ScheduleConditionInput, TagConditionInput,
    },
};
use crate::{
    graphql::{
        error::{Refusal, UserError, UserErrorCode, checked, internal},
        mutation::resolve_kisi_id,
        offering::OfferingKind,
        rule::{BlockedPolicy, RegistrationSpan, Weekday},
        scalar::{Duration, LocalTime},
    },
    id::{self, Kind},
    sentinel,
    store::{
        ClubScope, Connection, clubs,
        convert::kinds,
        lookup, row,
        rules::{Blocked, StoredCondition},
    },
};

/// The maximum length of a rule's name and of a tag, in characters.
const MAX_TEXT_CHARS: usize = 200;
/// The maximum number of entries in each list of a condition.
const MAX_ENTRIES: usize = 250;
/// The maximum number of conditions of a rule, each of which is evaluated for each member.
const MAX_CONDITIONS: usize = 50;
/// The maximum number of schedules among them, which cost the most to evaluate.
const MAX_SCHEDULES: usize = 10;
/// The maximum margin or grace, in seconds.
const MAX_DURATION_S: u64 = 366 * 86_400;
/// 24:00, in minutes.
const END_OF_DAY: u16 = 1_440;

/// A validated rule, in the stored form.
#[derive(Clone, Debug)]
pub struct Draft {
    pub name: String,
    pub enabled: bool,
    pub target_kind: row::TargetKind,
    pub target_id: Uuid,
    pub conditions: Vec<StoredCondition>,
}

/// Validates a rule; `path` is the path of the input, such as `input`.
///
/// # Errors
/// All invalid fields, each with its path.
pub async fn draft(
    connection: &impl Connection,
    scope: ClubScope,
    input: &RuleInput,
    path: &str,
) -> Result<Draft, Refusal> {
    let all = format!("{path}.conditions");
    let known = ReferencedIds::load(connection, scope, &input.conditions).await?;
    let conditions = input.conditions.iter().enumerate();
    let conditions = conditions.map(|(index, it)| known.condition(&format!("{all}.{index}"), it));
    checked! {
        name = text(&format!("{path}.name"), &input.name);
        of = target(connection, scope, &input.target, &format!("{path}.target")).await;
        _count = check_count(&all, &input.conditions);
        conditions = Refusal::collect(conditions.take(MAX_CONDITIONS));
    }
    let (target_kind, target_id) = of;
    Ok(Draft {
        name,
        enabled: input.enabled,
        target_kind,
        target_id,
        conditions,
    })
}

fn check_count(path: &str, conditions: &[ConditionInput]) -> Result<(), Refusal> {
    require_some(path, "condition", conditions.len())?;
    let schedules = conditions
        .iter()
        .filter(|it| matches!(it, ConditionInput::Schedule(_)));
    for (what, count, most) in [
        ("conditions", conditions.len(), MAX_CONDITIONS),
        ("schedules", schedules.count(), MAX_SCHEDULES),
    ] {
        if count > most {
            return Err(invalid(path, format!("must have at most {most} {what}")));
        }
    }
    Ok(())
}

fn invalid(path: &str, message: impl Into<String>) -> Refusal {
    UserError::at(UserErrorCode::Invalid, path, message).into()
}

fn not_found(path: &str, what: &str) -> Refusal {
    UserError::at(
        UserErrorCode::NotFound,
        path,
        format!("there is no such {what} in this club"),
    )
    .into()
}

fn text(path: &str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.contains('\0') || text.chars().count() > MAX_TEXT_CHARS {
        return Err(invalid(
            path,
            format!("must be a text of 1 to {MAX_TEXT_CHARS} characters"),
        ));
    }
    Ok(text.to_owned())
}

/// Requires 1 to [`MAX_ENTRIES`] entries.
fn require_some(path: &str, what: &str, count: usize) -> Result<(), Refusal> {
    match count {
        0 => Err(invalid(path, format!("must have at least one {what}"))),
        _ => check_max_entries(path, count),
    }
}

fn check_max_entries(path: &str, count: usize) -> Result<(), Refusal> {
    if count > MAX_ENTRIES {
        Err(invalid(
            path,
            format!("must have at most {MAX_ENTRIES} entries"),
        ))
    } else {
        Ok(())
    }
}

fn seconds(path: &str, length: &Given<Duration>) -> Result<u64, Refusal> {
    let seconds = length.check(path)?.0.as_secs();
    if seconds > MAX_DURATION_S {
        Err(invalid(path, "must be at most P366D"))
    } else {
        Ok(seconds)
    }
}

async fn target(
    connection: &impl Connection,
    scope: ClubScope,
    id: &str,
    path: &str,
) -> Result<(row::TargetKind, Uuid), Refusal> {
    let kinds = [Kind::Group, Kind::Lock];
    match resolve_kisi_id(connection, scope, &kinds, path, "group or lock", id).await? {
        (Kind::Group, id) => {
            let group = lookup::by_id::<row::Group>(connection, scope, id).await?;
            let group = group.ok_or_else(|| not_found(path, "group"))?;
            if group.gone_at.is_some() {
                return Err(invalid(
                    path,
                    "this group no longer exists in Kisi: choose another",
                ));
            }
            Ok((row::TargetKind::Group, id))
        }
        (_, id) => {
            let lock = lookup::by_id::<row::Lock>(connection, scope, id).await?;
            let lock = lock.ok_or_else(|| not_found(path, "lock"))?;
            if lock.gone_at.is_some() {
                return Err(invalid(
                    path,
                    "this lock no longer exists in Kisi: choose another",
                ));
            }
            Ok((row::TargetKind::Lock, id))
        }
    }
}

/// The offerings and locations that the conditions refer to, as far as they exist.
struct ReferencedIds {
    time_zone: String,
    offerings: HashMap<Uuid, row::OfferingKind>,
    locations: BTreeSet<Uuid>,
}

impl ReferencedIds {
    async fn load(
        connection: &impl Connection,
        scope: ClubScope,
        conditions: &[ConditionInput],
    ) -> Result<Self, Refusal> {
        let (mut of_offerings, mut of_locations) = (Vec::new(), Vec::new());
        for condition in conditions {
            let (offerings, locations) = match condition {
                ConditionInput::Membership(c) => (&c.offerings, &c.locations),
                ConditionInput::Registration(c) => (&c.offerings, &c.locations),
                ConditionInput::Purchase(c) => (&c.offerings, &c.locations),
                ConditionInput::Tag(_) | ConditionInput::Schedule(_) => continue,
            };
            of_offerings.extend(
                offerings
                    .iter()
                    .filter_map(|id| id::decode_as(Kind::Offering, id)),
            );
            of_locations.extend(
                locations
                    .iter()
                    .filter_map(|id| id::decode_as(Kind::Location, id)),
            );
        }
        let club = clubs::get(connection, scope).await?;
        let club = club.ok_or_else(|| internal("the club of the token no longer exists"))?;
        let offerings = lookup::by_ids::<row::Offering>(connection, scope, &of_offerings).await?;
        let locations = lookup::by_ids::<row::Location>(connection, scope, &of_locations).await?;
        Ok(Self {
            time_zone: club.time_zone,
            offerings: offerings
                .into_iter()
                .map(|offering| (offering.id, offering.kind))
                .collect(),
            locations: locations.into_iter().map(|location| location.id).collect(),
        })
    }

    fn condition(&self, path: &str, input: &ConditionInput) -> Result<StoredCondition, Refusal> {
        match input {
            ConditionInput::Membership(input) => {
                self.membership(&format!("{path}.membership"), input)
            }
            ConditionInput::Registration(input) => {
                self.registration(&format!("{path}.registration"), input)
            }
            ConditionInput::Purchase(input) => self.purchase(&format!("{path}.purchase"), input),
            ConditionInput::Tag(input) => tags(&format!("{path}.tag.tags"), input),
            ConditionInput::Schedule(input) => self.schedule(&format!("{path}.schedule"), input),
        }
    }

    fn membership(
        &self,
        path: &str,
        input: &MembershipConditionInput,
    ) -> Result<StoredCondition, Refusal> {
        let is_membership = |kind| kind == row::OfferingKind::Membership;
        checked! {
            offerings = self.offerings(path, &input.offerings, "a membership", is_membership);
            locations = self.locations(path, &input.locations);
            blocked = blocked(&format!("{path}.grace"), input);
        }
        let (when_blocked, grace_s) = blocked;
        Ok(StoredCondition::Membership {
            offerings,
            locations,
            when_blocked,
            grace_s,
        })
    }

    fn registration(
        &self,
        path: &str,
        input: &RegistrationConditionInput,
    ) -> Result<StoredCondition, Refusal> {
        checked! {
            offerings = self.offerings(path, &input.offerings, "a bookable offering", is_booked);
            locations = self.locations(path, &input.locations);
            kinds = booked_kinds(path, &input.kinds);
            opens_before_s = seconds(&format!("{path}.opensBefore"), &input.opens_before);
            closes_after_s = seconds(&format!("{path}.closesAfter"), &input.closes_after);
        }
        Ok(StoredCondition::Registration {
            offerings,
            kinds,
            locations,
            opens_before_s,
            closes_after_s,
            day: input.span == RegistrationSpan::Day,
            guests: input.guests,
            applies_to_ongoing: input.applies_to_ongoing,
        })
    }

    fn purchase(
        &self,
        path: &str,
        input: &PurchaseConditionInput,
    ) -> Result<StoredCondition, Refusal> {
        let is_item = |kind| kind == row::OfferingKind::BillingItem;
        let given = &input.offerings;
        checked! {
            _some = require_some(&format!("{path}.offerings"), "billing item", given.len());
            offerings = self.offerings(path, given, "a billing item", is_item);
            locations = self.locations(path, &input.locations);
        }
        Ok(StoredCondition::Purchase {
            offerings,
            locations,
        })
    }

    fn schedule(
        &self,
        path: &str,
        input: &ScheduleConditionInput,
    ) -> Result<StoredCondition, Refusal> {
        let (start_date, end_date) = (
            input
                .start_date
                .and_then(|date| sentinel::start_day(date.0)),
            input.end_date.and_then(|date| sentinel::end_day(date.0)),
        );
        let require = |holds: bool, field: &str, message: &str| match holds {
            true => Ok(()),
            false => Err(invalid(&format!("{path}.{field}"), message)),
        };
        let is_ordered = start_date
            .zip(end_date)
            .is_none_or(|(start, end)| start <= end);
        checked! {
            _days = require_some(&format!("{path}.days"), "day", input.days.len());
            times = times(path, input);
            time_zone = Given::optional(input.time_zone.as_ref(), &format!("{path}.timeZone"));
            _dates = require(is_ordered, "endDate", "must not be before startDate");
        }
        let (from_minute, until_minute) = times;
        let days: BTreeSet<i8> = input.days.iter().copied().map(number).collect();
        Ok(StoredCondition::Schedule {
            days: days.into_iter().collect(),
            from_minute,
            until_minute,
            time_zone: time_zone.map_or_else(|| self.time_zone.clone(), |zone| zone.0),
            start_date,
            end_date,
        })
    }

    fn offerings(
        &self,
        path: &str,
        ids: &[async_graphql::ID],
        what: &str,
        fits: impl Fn(row::OfferingKind) -> bool,
    ) -> Result<Vec<Uuid>, Refusal> {
        let path = format!("{path}.offerings");
        check_max_entries(&path, ids.len())?;
        let found = ids.iter().enumerate().map(|(index, id)| {
            let path = format!("{path}.{index}");
            let known = id::decode_as(Kind::Offering, id)
                .and_then(|id| Some((id, *self.offerings.get(&id)?)));
            let (id, kind) = known.ok_or_else(|| not_found(&path, "offering"))?;
            if !fits(kind) {
                let message = format!("must be {what}, but its kind is {}", kinds::db_value(&kind));
                return Err(invalid(&path, message));
            }
            Ok(id)
        });
        Refusal::collect(found).map(unique)
    }

    fn locations(&self, path: &str, ids: &[async_graphql::ID]) -> Result<Vec<Uuid>, Refusal> {
        let path = format!("{path}.locations");
        check_max_entries(&path, ids.len())?;
        let found = ids.iter().enumerate().map(|(index, id)| {
            let known = id::decode_as(Kind::Location, id).filter(|id| self.locations.contains(id));
            known.ok_or_else(|| not_found(&format!("{path}.{index}"), "location"))
        });
        Refusal::collect(found).map(unique)
    }
}

/// When a window opens and closes, in minutes of the day.
fn times(path: &str, input: &ScheduleConditionInput) -> Result<(u16, u16), Refusal> {
    let of_until = format!("{path}.until");
    checked! {
        from = opening(&format!("{path}.from"), &input.from);
        until = input.until.check(&of_until);
    }
    if from == until.0 {
        let message = "must differ from `from`: a whole day is from 00:00 until 24:00";
        return Err(invalid(&of_until, message));
    }
    Ok((from, until.0))
}

fn opening(path: &str, from: &Given<LocalTime>) -> Result<u16, Refusal> {
    let from = from.check(path)?.0;
    if from < END_OF_DAY {
        return Ok(from);
    }
    let message = "must be from 00:00 to 23:59: 24:00 is allowed only as until";
    Err(invalid(path, message))
}

/// Without repeats, in the given order.
fn unique<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut unique = Vec::new();
    for one in all {
        if !unique.contains(&one) {
            unique.push(one);
        }
    }
    unique
}

/// What a block does; `path` is that of the grace.
fn blocked(
    path: &str,
    input: &MembershipConditionInput,
) -> Result<(Blocked, Option<u64>), Refusal> {
    match (input.when_blocked, &input.grace) {
        (BlockedPolicy::Grace, Some(length)) => Ok((Blocked::Grace, Some(seconds(path, length)?))),
        (BlockedPolicy::Grace, None) => Err(invalid(path, "required with GRACE: give a duration")),
        (_, Some(_)) => Err(invalid(path, "allowed only with GRACE: leave it out")),
        (BlockedPolicy::Deny, None) => Ok((Blocked::Deny, None)),
        (BlockedPolicy::Allow, None) => Ok((Blocked::Allow, None)),
    }
}

fn booked_kinds(path: &str, given: &[OfferingKind]) -> Result<Vec<String>, Refusal> {
    let words = given.iter().enumerate().map(|(index, kind)| {
        let kind = row::OfferingKind::from(*kind);
        if !is_booked(kind) {
            let path = format!("{path}.kinds.{index}");
            return Err(invalid(&path, "must be a kind that can be booked"));
        }
        Ok(kinds::db_value(&kind))
    });
    Refusal::collect(words).map(unique)
}

fn is_booked(kind: row::OfferingKind) -> bool {
    !matches!(
        kind,
        row::OfferingKind::Membership | row::OfferingKind::BillingItem
    )
}

/// Tags are trimmed, because the tags of platforms are stored trimmed.
fn tags(path: &str, input: &TagConditionInput) -> Result<StoredCondition, Refusal> {
    require_some(path, "tag", input.tags.len())?;
    let tags = input.tags.iter().enumerate();
    let tags = tags.map(|(index, tag)| text(&format!("{path}.{index}"), tag));
    let tags = unique(Refusal::collect(tags)?);
    Ok(StoredCondition::Tag { tags })
}

/// The number of a weekday: Monday is 1, Sunday is 7.
fn number(day: Weekday) -> i8 {
    match day {
        Weekday::Monday => 1,
        Weekday::Tuesday => 2,
        Weekday::Wednesday => 3,
        Weekday::Thursday => 4,
        Weekday::Friday => 5,
        Weekday::Saturday => 6,
        Weekday::Sunday => 7,
    }
}
