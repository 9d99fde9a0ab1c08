//! Translates the canonical events: for any sender, and for Clubspot and Exercise.com, which publish no webhooks of their own. A
//! pure function; the documentation has a table of the fields of each type.

use serde_json::Value;

use super::{
    TranslateError,
    entries::{self, Entries},
    field::{Field, Read},
    json_of, unread,
};
use crate::{
    ingest::{
        signature::Verified,
        statement::{
            CompanyRef, CompanyWord, EntitlementWord, Event, Holder, LocationWord, Moment,
            OfferingGroups, OfferingWord, PersonWord, Statement,
        },
    },
    store::row::{BlockReason, EntitlementKind, OfferingKind, SourceAspect},
};

const TYPES: &str = "member.updated, member.deleted, company.updated, company.deleted, membership.updated, \
    membership.deleted, registration.updated, registration.deleted, purchase.updated, purchase.deleted, \
    offering.updated or roster.snapshot";

const BOOKABLE: &[(&str, OfferingKind)] = &[
    ("class", OfferingKind::Class),
    ("appointment", OfferingKind::Appointment),
    ("course", OfferingKind::Course),
    ("room", OfferingKind::Room),
    ("desk", OfferingKind::Desk),
    ("office", OfferingKind::Office),
    ("equipment", OfferingKind::Equipment),
    ("parking", OfferingKind::Parking),
    ("resource", OfferingKind::Resource),
];

/// Translates the JSON of one canonical event.
pub fn translate(verified: &Verified) -> Result<Event, TranslateError> {
    if let Some((body, mut entries)) = entries::split(verified.bytes()) {
        let event = read_split(&body, &mut entries);
        if !entries.is_broken {
            return event;
        }
    }
    read(&json_of(verified)?)
}

/// Translates one canonical event from parsed JSON. Fields that it does not know become warnings, or an error if they look as if
/// they restrict access.
pub fn read(body: &Value) -> Result<Event, TranslateError> {
    read_split(body, &mut Entries::default())
}

fn read_split(body: &Value, entries: &mut Entries<'_>) -> Result<Event, TranslateError> {
    let root = Field::root(body);
    let kind = root.at("type").text()?;
    let with_kind = |problem: TranslateError| TranslateError {
        kind: Some(kind.clone()),
        ..problem
    };
    let event = event(&root, &kind, entries).map_err(with_kind)?;
    let of_entries = std::mem::take(&mut entries.unused).into_values();
    let warnings = unread::check(&root, &kind, of_entries).map_err(with_kind)?;
    Ok(Event { warnings, ..event })
}

fn event(root: &Field<'_>, kind: &str, entries: &mut Entries<'_>) -> Read<Event> {
    let happened_at = root.at("timestamp").instant()?;
    let data = root.at("data");
    data.object()?;
    let mut notes = Vec::new();
    let gone = |kind| {
        Ok::<_, TranslateError>(vec![Statement::EntitlementDeleted(
            kind,
            data.at("id").id()?,
        )])
    };
    let statements = match kind {
        "member.updated" => vec![Statement::Person(person(&data, false)?)],
        "member.deleted" => vec![Statement::PersonDeleted(data.at("id").id()?)],
        "company.updated" => vec![Statement::Company(company(&data)?)],
        "company.deleted" => vec![Statement::CompanyDeleted(data.at("id").id()?)],
        "membership.updated" => vec![membership(&data, happened_at)?],
        "membership.deleted" => gone(EntitlementKind::Membership)?,
        "registration.updated" => vec![registration(&data, &mut notes)?],
        "registration.deleted" => gone(EntitlementKind::Registration)?,
        "purchase.updated" => vec![purchase(&data)?],
        "purchase.deleted" => gone(EntitlementKind::Purchase)?,
        "offering.updated" => vec![Statement::Offering(any_offering(&data)?)],
        "roster.snapshot" => snapshot(&data, entries, happened_at, &mut notes)?,
        _ => return Err(root.at("type").error(&format!("one of {TYPES}"))),
    };
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Ok(Event {
        statements,
        note,
        ..Event::empty(kind, happened_at)
    })
}

fn person(field: &Field<'_>, guest: bool) -> Read<PersonWord> {
    field.object()?;
    let email = email(field)?;
    let id = match (field.at("id").present(), &email) {
        (Some(id), _) => id.id()?,
        (None, Some(Some(address))) if guest => format!("mailto:{address}"),
        (None, _) => return Err(field.at("id").error("an id: a text or a whole number")),
    };
    let companies = field
        .at("companies")
        .present()
        .map(|list| list.list())
        .transpose()?;
    Ok(PersonWord {
        id,
        email,
        name: field.at("name").name()?,
        tags: field.at("tags").tags()?,
        companies: companies
            .map(|list| list.iter().map(company_ref).collect())
            .transpose()?,
        guest,
    })
}

/// `None` if the field is absent, `Some(None)` if it is null or blank: the person has no e-mail.
fn email(field: &Field<'_>) -> Read<Option<Option<String>>> {
    if !field.contains("email") {
        return Ok(None);
    }
    let field = field.at("email");
    let Some(text) = field.optional_text()? else {
        return Ok(Some(None));
    };
    let address = text.trim().to_lowercase();
    let parts = address.split_once('@');
    let sound = parts
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
        && !address.contains(char::is_whitespace)
        && address.len() <= 320;
    if sound {
        Ok(Some(Some(address)))
    } else {
        Err(field.error("an e-mail address"))
    }
}

/// The people of a list. Guests without an id are identified by their address; guests with neither are left out with a note.
fn people(field: Field<'_>, guest: bool, notes: &mut Vec<String>) -> Read<Vec<PersonWord>> {
    let mut persons = Vec::new();
    for item in field.list_or_empty()? {
        item.object()?;
        if guest && item.at("id").present().is_none() && !matches!(email(&item)?, Some(Some(_))) {
            notes.push("a guest without id and e-mail cannot get access".to_owned());
        } else {
            persons.push(person(&item, guest)?);
        }
    }
    Ok(persons)
}

fn company_ref(field: &Field<'_>) -> Read<CompanyRef> {
    field.object()?;
    Ok(CompanyRef {
        id: field.at("id").id()?,
        name: field.at("name").name()?,
    })
}

fn company(field: &Field<'_>) -> Read<CompanyWord> {
    let members = field.at("members").present();
    Ok(CompanyWord {
        company: company_ref(field)?,
        people: members
            .map(|list| people(list, false, &mut Vec::new()))
            .transpose()?,
    })
}

fn offering(field: &Field<'_>, kind: OfferingKind) -> Read<OfferingWord> {
    field.object()?;
    Ok(OfferingWord {
        kind,
        id: field.at("id").id()?,
        name: field.at("name").name()?,
        groups: None,
    })
}

fn any_offering(field: &Field<'_>) -> Read<OfferingWord> {
    let sold = [
        ("membership", OfferingKind::Membership),
        ("billing_item", OfferingKind::BillingItem),
    ];
    let kind = field.at("kind").word(&[&sold[..], BOOKABLE].concat())?;
    Ok(OfferingWord {
        groups: offering_groups(field)?,
        ..offering(field, kind)?
    })
}

/// `None` if the field with the group is absent; null means that the offering has none.
fn offering_groups(field: &Field<'_>) -> Read<Option<OfferingGroups>> {
    let group_id = |field: &Field<'_>| {
        let id = field.id()?.parse().ok().filter(|id: &i64| *id > 0);
        id.ok_or_else(|| field.error("Kisi's id of a group: a whole number"))
    };
    let of_items = field.at("item_kisi_groups").list_or_empty()?;
    if !field.contains("kisi_group") {
        return Ok(None);
    }
    let group = field.at("kisi_group").present();
    Ok(Some(OfferingGroups {
        group: group.map(|group| group_id(&group)).transpose()?,
        of_items: of_items.iter().map(group_id).collect::<Read<_>>()?,
    }))
}

fn location(field: Field<'_>) -> Read<Option<LocationWord>> {
    let Some(field) = field.present() else {
        return Ok(None);
    };
    field.object()?;
    let zone = field.at("time_zone");
    let time_zone = zone.optional_text()?;
    if let Some(name) = &time_zone
        && jiff::tz::TimeZone::get(name).is_err()
    {
        return Err(zone.error("an IANA time zone, such as Europe/Berlin"));
    }
    let name = field.at("name").name()?;
    Ok(Some(LocationWord {
        id: field.at("id").id()?,
        name,
        time_zone,
    }))
}

/// Start and end. An entitlement that can open a door (`opens`) is refused if its end is before its start. One that cannot, such
/// as an ended membership or a cancelled booking, is accepted as it is, because a refusal would leave the door open.
fn ends(field: &Field<'_>, opens: bool) -> Read<(Option<Moment>, Option<Moment>)> {
    let (starts, end) = (field.at("starts_at").start()?, field.at("ends_at").end()?);
    let in_order = match (starts, end) {
        (Some(Moment::At(start)), Some(Moment::At(end))) => start <= end,
        (Some(Moment::On(first)), Some(Moment::On(last))) => first <= last,
        _ => true,
    };
    if in_order || !opens {
        Ok((starts, end))
    } else {
        Err(field.at("ends_at").error("no earlier than starts_at"))
    }
}

fn membership(data: &Field<'_>, happened_at: access::Instant) -> Read<Statement> {
    let id = data.at("id").id()?;
    let holder = match (data.at("member").present(), data.at("company").present()) {
        (Some(member), None) => Holder::Person(person(&member, false)?),
        (None, Some(company)) => Holder::Company(company_ref(&company)?),
        (None, None) => {
            return Err(data
                .at("member")
                .error("who holds it, or company has to be"));
        }
        (Some(_), Some(company)) => return Err(company.error("left out where member is given")),
    };
    let status = data.at("status").word(&[
        ("active", "ACTIVE"),
        ("scheduled", "SCHEDULED"),
        ("paused", "PAUSED"),
        ("used_up", "USED_UP"),
        ("ended", "ENDED"),
    ])?;
    let block = data.at("blocked").present().map(|blocked| {
        blocked.object()?;
        let reason = blocked.at("reason").word(&[
            ("payment_failed", BlockReason::PaymentFailed),
            ("payment_retrying", BlockReason::PaymentRetrying),
            ("manual", BlockReason::Manual),
        ])?;
        let since = blocked.at("since").since()?;
        // A reported block has begun; accepting a later beginning would leave the doors open until then.
        let since = since.map_or(happened_at, |since| since.min(happened_at));
        Ok::<_, TranslateError>((reason, since))
    });
    let (starts, ends) = ends(data, matches!(status, "ACTIVE" | "SCHEDULED"))?;
    Ok(Statement::Entitlement(Box::new(EntitlementWord {
        kind: EntitlementKind::Membership,
        id,
        holder,
        shared_with: people(data.at("shared_with"), false, &mut Vec::new())?,
        guests: Vec::new(),
        status,
        offering: offering(&data.at("plan"), OfferingKind::Membership)?,
        location: location(data.at("location"))?,
        starts,
        ends,
        block: block.transpose()?,
    })))
}

fn registration(data: &Field<'_>, notes: &mut Vec<String>) -> Read<Statement> {
    let id = data.at("id").id()?;
    let kind = data.at("kind").word(BOOKABLE)?;
    let status = data.at("status").word(&[
        ("confirmed", "CONFIRMED"),
        ("tentative", "TENTATIVE"),
        ("waitlisted", "WAITLISTED"),
        ("cancelled", "CANCELLED"),
    ])?;
    // Both fields are required, though a date far away may mean "none".
    for name in ["starts_at", "ends_at"] {
        if data.at(name).present().is_none() {
            return Err(data
                .at(name)
                .error("an RFC 3339 instant or a date: a registration has both ends"));
        }
    }
    let (starts, ends) = ends(data, status == "CONFIRMED")?;
    Ok(Statement::Entitlement(Box::new(EntitlementWord {
        kind: EntitlementKind::Registration,
        id,
        holder: Holder::Person(person(&data.at("member"), false)?),
        shared_with: Vec::new(),
        guests: people(data.at("guests"), true, notes)?,
        status,
        offering: offering(&data.at("item"), kind)?,
        location: location(data.at("location"))?,
        starts,
        ends,
        block: None,
    })))
}

fn purchase(data: &Field<'_>) -> Read<Statement> {
    let id = data.at("id").id()?;
    let status = data.at("status").word(&[
        ("paid", "PAID"),
        ("unpaid", "UNPAID"),
        ("refunded", "REFUNDED"),
        ("void", "VOID"),
    ])?;
    let (starts, ends) = ends(data, status == "PAID")?;
    Ok(Statement::Entitlement(Box::new(EntitlementWord {
        kind: EntitlementKind::Purchase,
        id,
        holder: Holder::Person(person(&data.at("member"), false)?),
        shared_with: Vec::new(),
        guests: Vec::new(),
        status,
        offering: offering(&data.at("item"), OfferingKind::BillingItem)?,
        location: location(data.at("location"))?,
        starts,
        ends,
        block: None,
    })))
}

/// Each list that is present is complete for its kind.
fn snapshot(
    data: &Field<'_>,
    entries: &mut Entries<'_>,
    happened_at: access::Instant,
    notes: &mut Vec<String>,
) -> Read<Vec<Statement>> {
    let mut all = Vec::new();
    // Offerings are kept when a list lacks them: rules may name them.
    entries.each("offerings", data.at("offerings"), |item| {
        all.push(Statement::Offering(any_offering(item)?));
        Ok(())
    })?;
    type Translate<'t> = &'t mut dyn FnMut(&Field<'_>) -> Read<Statement>;
    let lists: [(&str, SourceAspect, Translate<'_>); 5] = [
        ("members", SourceAspect::Members, &mut |item| {
            Ok(Statement::Person(person(item, false)?))
        }),
        ("companies", SourceAspect::Companies, &mut |item| {
            Ok(Statement::Company(company(item)?))
        }),
        ("memberships", SourceAspect::Memberships, &mut |item| {
            membership(item, happened_at)
        }),
        ("registrations", SourceAspect::Registrations, &mut |item| {
            registration(item, notes)
        }),
        ("purchases", SourceAspect::Purchases, &mut |item| {
            purchase(item)
        }),
    ];
    for (name, aspect, translate) in lists {
        let Some(list) = data.at(name).present() else {
            continue;
        };
        all.push(Statement::Snapshot(aspect));
        entries.each(name, list, |item| {
            all.push(translate(item)?);
            Ok(())
        })?;
    }
    // Kept until all of them are stored.
    all.shrink_to_fit();
    Ok(all)
}
