//! Saves the changes of a batch of statements: new rows, superseded versions, and the resulting members. Rows are written in
//! multi-row statements; only merged members and handed-over addresses take statements of their own.

use std::collections::{BTreeSet, HashMap};

use entity::{
    company, company_person, company_version, entitlement_version, location, member, offering,
    person, person_version, source_version,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{WorkingSet, hand_over};
use crate::{
    StoreError,
    bulk::{MOST_VALUES, insert, insert_named, insert_on},
};

impl WorkingSet {
    /// Writes all changes. Entities are written before their versions, so that a version never refers to a missing row.
    pub async fn save(&mut self, connection: &impl ConnectionTrait) -> Result<(), StoreError> {
        self.save_identities(connection).await?;
        let now = self.now;
        let scope = self.scope;
        insert(connection, self.person_versions.take_new()).await?;
        insert(connection, self.company_versions.take_new()).await?;
        insert(connection, self.pairs.version_rows.take_new()).await?;
        insert(connection, self.floors.take_new()).await?;
        let versions = self.entitlement_versions.take_new();
        let beside: Vec<_> = versions
            .iter()
            .filter_map(|version| self.beside.remove(&version.id))
            .flatten()
            .collect();
        insert(connection, versions).await?;
        insert(connection, beside).await?;
        self.save_restated(connection).await?;
        macro_rules! supersede {
            ($version_rows:expr, $table:ident) => {
                for chunk in $version_rows.superseded.chunks(MOST_VALUES) {
                    scope
                        .update::<$table::Entity>()
                        .col_expr($table::Column::SupersededAt, Expr::value(Some(now)))
                        .filter($table::Column::Id.is_in(chunk.iter().copied()))
                        .exec(connection)
                        .await?;
                }
            };
        }
        supersede!(self.person_versions, person_version);
        supersede!(self.company_versions, company_version);
        supersede!(self.pairs.version_rows, company_person);
        supersede!(self.floors, source_version);
        supersede!(self.entitlement_versions, entitlement_version);
        Ok(())
    }

    /// Writes the new versions of rows whose content was stated again.
    async fn save_restated(&mut self, connection: &impl ConnectionTrait) -> Result<(), StoreError> {
        macro_rules! save {
            ($version_rows:expr, $table:ident, $($column:ident),*) => {
                let columns = [$($table::Column::$column),*];
                let renewed = update_on_conflict($table::Column::Id, columns);
                insert_on(connection, $version_rows.take_restated(), Some(renewed)).await?;
            };
        }
        save!(
            self.person_versions,
            person_version,
            HappenedAt,
            VersionKey,
            Repeats
        );
        save!(
            self.company_versions,
            company_version,
            HappenedAt,
            VersionKey
        );
        save!(
            self.pairs.version_rows,
            company_person,
            HappenedAt,
            VersionKey
        );
        save!(
            self.entitlement_versions,
            entitlement_version,
            HappenedAt,
            VersionKey,
            Repeats
        );
        Ok(())
    }

    async fn save_identities(
        &mut self,
        connection: &impl ConnectionTrait,
    ) -> Result<(), StoreError> {
        let mut changed = std::mem::take(&mut self.changed);
        changed.members.extend(&changed.new_members);
        changed.persons.extend(&changed.new_persons);
        changed.companies.extend(&changed.new_companies);
        let members = rows(&changed.members, &self.members);
        let renewed = update_on_conflict(
            member::Column::Id,
            [
                member::Column::Name,
                member::Column::FoldedName,
                member::Column::Email,
                member::Column::Search,
                member::Column::Problems,
            ],
        );
        insert_named(connection, members, Some(renewed)).await?;
        let persons = rows(&changed.persons, &self.persons);
        let columns = [person::Column::MemberId, person::Column::GuestOnly];
        insert_on(
            connection,
            persons,
            Some(update_on_conflict(person::Column::Id, columns)),
        )
        .await?;
        let companies = rows(&changed.companies, &self.companies);
        let columns = [company::Column::Name];
        insert_on(
            connection,
            companies,
            Some(update_on_conflict(company::Column::Id, columns)),
        )
        .await?;
        insert(connection, changed.moved).await?;
        insert(connection, changed.new_entitlements).await?;
        let offerings = changed.offerings.iter();
        let offerings = offerings.filter_map(|key| self.offerings.get(key).cloned());
        save_offerings(connection, offerings.collect()).await?;
        let locations = changed
            .locations
            .iter()
            .filter_map(|key| self.locations.get(key).cloned())
            .collect();
        let renewed = update_on_conflict(
            location::Column::Id,
            [
                location::Column::Name,
                location::Column::FoldedName,
                location::Column::TimeZone,
                location::Column::HappenedAt,
                location::Column::VersionKey,
                location::Column::ZoneHappenedAt,
                location::Column::ZoneVersionKey,
            ],
        );
        insert_named::<location::Model>(connection, locations, Some(renewed)).await?;
        for (from, to) in changed.merged {
            hand_over::merge(connection, self.scope, from, to).await?;
        }
        hand_over::addresses(connection, self.scope, &changed.handed_over).await?;
        Ok(())
    }
}

async fn save_offerings(
    connection: &impl ConnectionTrait,
    offerings: Vec<offering::Model>,
) -> Result<(), StoreError> {
    let renewed = update_on_conflict(
        offering::Column::Id,
        [
            offering::Column::Name,
            offering::Column::FoldedName,
            offering::Column::HappenedAt,
            offering::Column::VersionKey,
            offering::Column::KisiGroup,
            offering::Column::ItemGroups,
            offering::Column::GroupsHappenedAt,
            offering::Column::GroupsVersionKey,
        ],
    );
    insert_named::<offering::Model>(connection, offerings, Some(renewed)).await
}

/// The rows with these ids, in id order, which is the order of all concurrent writers.
fn rows<M: Clone>(ids: &BTreeSet<Uuid>, all: &HashMap<Uuid, M>) -> Vec<M> {
    ids.iter().filter_map(|id| all.get(id).cloned()).collect()
}

/// On conflict, updates these columns of the existing row.
fn update_on_conflict<C: ColumnTrait>(id: C, columns: impl IntoIterator<Item = C>) -> OnConflict {
    OnConflict::column(id).update_columns(columns).to_owned()
}
