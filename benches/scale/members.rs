//! Writes many members in the state that webhooks would leave: each has a membership of one of ten plans; a tenth each have
//! bookings, tags, a company, an earlier version; every fiftieth is blocked. Inserted in bulk, because this is not measured.

use entity::{
    company, company_person, delivery, delivery_member, entitlement, entitlement_version, member,
    person, person_version,
};
use latchkey::transaction;
use latchkey::{
    clock::new_id,
    store::{Db, StoreError, bulk, fold, row},
};
use uuid::Uuid;

const AT_ONCE: usize = 5_000;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The offerings of a platform, and its corporate customers.
pub struct MemberGenerator {
    pub source: row::Source,
    pub now: i64,
    /// Ten plans (0 to 9), then the corporate plan, a class and a room.
    pub offerings: Vec<row::Offering>,
    companies: Vec<Uuid>,
}

/// The rows to insert, by table.
#[derive(Default)]
struct Rows {
    members: Vec<member::Model>,
    persons: Vec<person::Model>,
    version_rows: Vec<person_version::Model>,
    pairs: Vec<company_person::Model>,
    entitlements: Vec<entitlement::Model>,
    versions: Vec<entitlement_version::Model>,
    deliveries: Vec<delivery::Model>,
    about: Vec<delivery_member::Model>,
}

/// An entitlement, its holder and its period.
struct Holding<'a> {
    offering: &'a row::Offering,
    kind: row::EntitlementKind,
    status: &'a str,
    person: Option<Uuid>,
    company: Option<Uuid>,
    from: i64,
    until: Option<i64>,
}

pub fn email(number: usize) -> String {
    format!("member{number}@example.com")
}

impl MemberGenerator {
    /// Writes the offerings and one company for each 500 of `members`.
    pub async fn open(db: &Db, source: &row::Source, now: i64, members: usize) -> Self {
        use row::OfferingKind::{Class, Membership, Room};
        let plans = (0..10).map(|plan| (format!("Plan {plan}"), Membership));
        let others = [("Corporate", Membership), ("Yoga", Class), ("Studio", Room)];
        let others = others.map(|(name, kind)| (name.to_owned(), kind));
        let offerings: Vec<row::Offering> = plans
            .chain(others)
            .map(|(name, kind)| row::Offering {
                id: new_id(),
                club_id: source.club_id,
                source_id: source.id,
                kind,
                external_id: name.to_lowercase(),
                folded_name: fold(&name),
                name,
                happened_at: now - DAY,
                version_key: "1".to_owned(),
                kisi_group: None,
                item_groups: None,
                groups_happened_at: None,
                groups_version_key: None,
            })
            .collect();
        let companies: Vec<company::Model> = (0..members.div_ceil(500))
            .map(|number| company::Model {
                id: new_id(),
                club_id: source.club_id,
                source_id: source.id,
                external_id: format!("c{number}"),
                name: format!("Company {number}"),
            })
            .collect();
        let shop = Self {
            source: source.clone(),
            now,
            offerings: offerings.clone(),
            companies: companies.iter().map(|company| company.id).collect(),
        };
        let mut rows = Rows::default();
        for (number, company) in shop.companies.iter().enumerate() {
            let holding = Holding {
                offering: &shop.offerings[10],
                kind: row::EntitlementKind::Membership,
                status: "ACTIVE",
                person: None,
                company: Some(*company),
                from: now - 90 * DAY,
                until: None,
            };
            shop.hold(&mut rows, &format!("corporate{number}"), holding);
        }
        let written: Result<(), StoreError> = transaction!(db, |tx| {
            bulk::insert(tx, offerings).await?;
            bulk::insert(tx, companies).await?;
            bulk::insert(tx, rows.entitlements).await?;
            bulk::insert(tx, rows.versions).await
        })
        .await;
        written.expect("a shop");
        shop
    }

    /// Writes `members` members and returns their ids, in the order of their numbers.
    pub async fn fill(&self, db: &Db, members: usize) -> Vec<Uuid> {
        let mut ids = Vec::with_capacity(members);
        for from in (0..members).step_by(AT_ONCE) {
            let mut rows = Rows::default();
            for number in from..(from + AT_ONCE).min(members) {
                ids.push(self.enter(&mut rows, number));
            }
            let written: Result<(), StoreError> = transaction!(db, |tx| {
                bulk::insert(tx, rows.members).await?;
                bulk::insert(tx, rows.persons).await?;
                bulk::insert(tx, rows.version_rows).await?;
                bulk::insert(tx, rows.pairs).await?;
                bulk::insert(tx, rows.entitlements).await?;
                bulk::insert(tx, rows.versions).await?;
                bulk::insert(tx, rows.deliveries).await?;
                bulk::insert(tx, rows.about).await
            })
            .await;
            written.expect("members");
        }
        ids
    }

    fn enter(&self, rows: &mut Rows, number: usize) -> Uuid {
        let (member, person, club) = (new_id(), new_id(), self.source.club_id);
        let (name, email) = (format!("Member {number}"), email(number));
        rows.members.push(member::Model {
            id: member,
            club_id: club,
            folded_name: fold(&name),
            search: fold(&format!("{name} {email}")),
            name: name.clone(),
            email: Some(email.clone()),
            problems: None,
            created_at: self.now - 90 * DAY,
            erasure: None,
            erasure_report: None,
        });
        rows.persons.push(person::Model {
            id: person,
            club_id: club,
            source_id: Some(self.source.id),
            external_id: format!("p{number}"),
            member_id: member,
            guest_only: false,
        });
        self.version_row(rows, person, row::PersonAspect::Name, &name);
        self.version_row(rows, person, row::PersonAspect::Email, &email);
        if number % 10 == 7 {
            let pool = if number % 100 == 7 { ",\"pool\"" } else { "" };
            let tags = format!("[\"staff\"{pool}]");
            self.version_row(rows, person, row::PersonAspect::Tags, &tags);
        }
        if number % 10 == 4 {
            let company = self.companies[number % self.companies.len()];
            rows.pairs.push(company_person::Model {
                id: new_id(),
                club_id: club,
                company_id: company,
                person_id: person,
                present: true,
                happened_at: self.now - 90 * DAY,
                version_key: "1".to_owned(),
                learned_at: self.now - 90 * DAY,
                superseded_at: None,
                delivery_id: None,
            });
        }
        self.subscribe(rows, number, person);
        if number % 10 == 3 {
            for (booking, days) in [-20, 3, 30].into_iter().enumerate() {
                let from = self.now + days * DAY;
                let holding = Holding {
                    offering: &self.offerings[11 + booking % 2],
                    kind: row::EntitlementKind::Registration,
                    status: "CONFIRMED",
                    person: Some(person),
                    company: None,
                    from,
                    until: Some(from + 3_600 * SECOND),
                };
                self.hold(rows, &format!("b{number}-{booking}"), holding);
            }
        }
        self.deliver(rows, number, member);
        member
    }

    /// Adds the membership, and an earlier version of it for a tenth of the members.
    fn subscribe(&self, rows: &mut Rows, number: usize, person: Uuid) {
        let holding = Holding {
            offering: &self.offerings[number % 10],
            kind: row::EntitlementKind::Membership,
            status: "ACTIVE",
            person: Some(person),
            company: None,
            from: self.now - 90 * DAY,
            until: Some(self.now + 300 * DAY),
        };
        self.hold(rows, &format!("m{number}"), holding);
        let Some(last) = rows.versions.last_mut() else {
            return;
        };
        if number % 50 == 1 {
            last.block_reason = Some(row::BlockReason::PaymentFailed);
            last.block_since = Some(self.now - 2 * DAY);
        }
        if number % 10 == 5 {
            let earlier = entitlement_version::Model {
                id: new_id(),
                happened_at: last.happened_at - DAY,
                learned_at: last.learned_at - DAY,
                superseded_at: Some(last.learned_at),
                ..last.clone()
            };
            rows.versions.push(earlier);
        }
    }

    fn version_row(&self, rows: &mut Rows, person: Uuid, aspect: row::PersonAspect, value: &str) {
        let is_email = aspect == row::PersonAspect::Email;
        rows.version_rows.push(person_version::Model {
            id: new_id(),
            club_id: self.source.club_id,
            person_id: person,
            aspect,
            value: Some(value.to_owned()),
            email: is_email.then(|| value.to_owned()),
            happened_at: self.now - 90 * DAY,
            version_key: new_id().simple().to_string(),
            learned_at: self.now - 90 * DAY,
            superseded_at: None,
            delivery_id: None,
            repeats: None,
        });
    }

    fn hold(&self, rows: &mut Rows, external: &str, holding: Holding<'_>) {
        let (id, club_id, source_id) = (new_id(), self.source.club_id, self.source.id);
        rows.entitlements.push(entitlement::Model {
            id,
            club_id,
            source_id,
            kind: holding.kind,
            external_id: external.to_owned(),
        });
        rows.versions.push(entitlement_version::Model {
            id: new_id(),
            club_id,
            source_id,
            entitlement_id: id,
            external_id: external.to_owned(),
            kind: holding.kind,
            status: holding.status.to_owned(),
            offering_id: Some(holding.offering.id),
            offering_kind: Some(holding.offering.kind),
            location_id: None,
            person_id: holding.person,
            company_id: holding.company,
            starts_at: Some(holding.from),
            starts_on: None,
            ends_at: holding.until,
            ends_on: None,
            block_reason: None,
            block_since: None,
            deleted: false,
            happened_at: self.now - 90 * DAY,
            version_key: new_id().simple().to_string(),
            learned_at: self.now - 90 * DAY,
            superseded_at: None,
            delivery_id: None,
            repeats: None,
        });
    }

    fn deliver(&self, rows: &mut Rows, number: usize, member: Uuid) {
        let id = new_id();
        rows.deliveries.push(delivery::Model {
            id,
            club_id: self.source.club_id,
            source_id: self.source.id,
            external_id: format!("msg_{number}"),
            event_type: Some("membership.updated".to_owned()),
            status: row::DeliveryStatus::Settled,
            problem: None,
            occurred_at: Some(self.now - 90 * DAY),
            received_at: self.now - 90 * DAY,
            settled_at: Some(self.now - 90 * DAY),
            attempts: 1,
            stamp: id,
            headers: "{}".to_owned(),
            body: vec![b' '; 400],
            warnings: None,
            dismissed_at: None,
            dismissed_by: None,
            dismissed_reason: None,
            body_removed: None,
        });
        rows.about.push(delivery_member::Model {
            delivery_id: id,
            member_id: member,
            club_id: self.source.club_id,
        });
    }
}
