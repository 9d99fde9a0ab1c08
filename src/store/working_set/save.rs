//! Writes what a batch of statements changed: new rows, the words that no longer stand, and the members that follow from
//! them. A fixed number of statements, however large the batch.

use entity::{
    company, company_person, company_version, entitlement_version, kisi_grant, kisi_user, location,
    member, offering, person_version, share, source_version, suspension,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Iterable,
    QueryFilter,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::WorkingSet;
use crate::store::{
    StoreError,
    bulk::{MOST_VALUES, insert, insert_on},
    scope::OfClub,
};

impl WorkingSet {
    /// Writes everything, in an order that foreign readers of the tables never see a word about nothing.
    pub async fn save(&mut self, connection: &impl ConnectionTrait) -> Result<(), StoreError> {
        self.save_identities(connection).await?;
        let now = self.now;
        let scope = self.scope;
        insert(connection, self.person_words.take_new()).await?;
        insert(connection, self.company_words.take_new()).await?;
        insert(connection, self.pairs.take_new()).await?;
        insert(connection, self.floors.take_new()).await?;
        let versions = self.entitlement_words.take_new();
        let beside = versions
            .iter()
            .filter_map(|version| self.beside.remove(&version.id))
            .flatten()
            .collect();
        insert(connection, versions).await?;
        insert(connection, beside).await?;
        macro_rules! supersede {
            ($words:ident, $table:ident) => {
                for chunk in self.$words.superseded.chunks(MOST_VALUES) {
                    scope
                        .update::<$table::Entity>()
                        .col_expr($table::Column::SupersededAt, Expr::value(Some(now)))
                        .filter($table::Column::Id.is_in(chunk.iter().copied()))
                        .exec(connection)
                        .await?;
                }
            };
        }
        supersede!(person_words, person_version);
        supersede!(company_words, company_version);
        supersede!(pairs, company_person);
        supersede!(floors, source_version);
        supersede!(entitlement_words, entitlement_version);
        Ok(())
    }

    async fn save_identities(
        &mut self,
        connection: &impl ConnectionTrait,
    ) -> Result<(), StoreError> {
        let changed = std::mem::take(&mut self.changed);
        let new_members = changed
            .new_members
            .iter()
            .filter_map(|id| self.members.get(id).cloned())
            .collect();
        insert(connection, new_members).await?;
        for id in changed.members.difference(&changed.new_members) {
            if let Some(row) = self.members.get(id) {
                overwrite(connection, row.clone()).await?;
            }
        }
        let new_persons: Vec<_> = changed
            .new_persons
            .iter()
            .filter_map(|id| self.persons.get(id).cloned())
            .collect();
        insert(connection, new_persons).await?;
        for id in changed
            .persons
            .iter()
            .filter(|id| !changed.new_persons.contains(id))
        {
            if let Some(row) = self.persons.get(id) {
                overwrite(connection, row.clone()).await?;
            }
        }
        let new_companies = changed
            .new_companies
            .iter()
            .filter_map(|id| self.companies.get(id).cloned())
            .collect();
        insert::<company::Model>(connection, new_companies).await?;
        for id in changed
            .companies
            .iter()
            .filter(|id| !changed.new_companies.contains(id))
        {
            if let Some(row) = self.companies.get(id) {
                overwrite(connection, row.clone()).await?;
            }
        }
        insert(connection, changed.new_entitlements).await?;
        let offerings = changed
            .offerings
            .iter()
            .filter_map(|key| self.offerings.get(key).cloned())
            .collect();
        let renewed = OnConflict::column(offering::Column::Id)
            .update_columns([
                offering::Column::Name,
                offering::Column::HappenedAt,
                offering::Column::VersionKey,
            ])
            .to_owned();
        insert_on::<offering::Model>(connection, offerings, Some(renewed)).await?;
        let locations = changed
            .locations
            .iter()
            .filter_map(|key| self.locations.get(key).cloned())
            .collect();
        let renewed = OnConflict::column(location::Column::Id)
            .update_columns([
                location::Column::Name,
                location::Column::TimeZone,
                location::Column::HappenedAt,
                location::Column::VersionKey,
            ])
            .to_owned();
        insert_on::<location::Model>(connection, locations, Some(renewed)).await?;
        for (from, to) in changed.merged {
            self.merge(connection, from, to).await?;
        }
        Ok(())
    }

    /// Moves what was given to one member by hand, and what Kisi holds for it, to the member that it turned out to be.
    async fn merge(
        &self,
        connection: &impl ConnectionTrait,
        from: Uuid,
        to: Uuid,
    ) -> Result<(), StoreError> {
        let scope = self.scope;
        macro_rules! follow {
            ($table:ident) => {
                scope
                    .update::<$table::Entity>()
                    .col_expr($table::Column::MemberId, Expr::value(to))
                    .filter($table::Column::MemberId.eq(from))
                    .exec(connection)
                    .await?;
            };
        }
        follow!(share);
        follow!(suspension);
        let both = [from, to];
        let users = scope
            .find::<kisi_user::Entity>()
            .filter(kisi_user::Column::MemberId.is_in(both))
            .all(connection)
            .await?;
        for user in users.iter().filter(|user| user.member_id == from) {
            let twin = users.iter().find(|other| {
                other.member_id == to
                    && other.account_id == user.account_id
                    && other.email == user.email
            });
            if let Some(twin) = twin {
                scope
                    .update::<kisi_grant::Entity>()
                    .col_expr(kisi_grant::Column::KisiUserId, Expr::value(twin.id))
                    .filter(kisi_grant::Column::KisiUserId.eq(user.id))
                    .exec(connection)
                    .await?;
                scope
                    .delete::<kisi_user::Entity>()
                    .filter(kisi_user::Column::Id.eq(user.id))
                    .exec(connection)
                    .await?;
            }
        }
        follow!(kisi_user);
        follow!(kisi_grant);
        scope
            .delete::<member::Entity>()
            .filter(member::Column::Id.eq(from))
            .exec(connection)
            .await?;
        Ok(())
    }
}

/// Writes every column of a row that is there.
async fn overwrite<M>(connection: &impl ConnectionTrait, row: M) -> Result<(), StoreError>
where
    M: sea_orm::ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    M::Entity: OfClub,
    <M::Entity as EntityTrait>::ActiveModel: sea_orm::ActiveModelBehavior + Send,
    M: sea_orm::FromQueryResult,
    <M::Entity as EntityTrait>::Model: IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
{
    let mut active = row.into_active_model();
    for column in <M::Entity as EntityTrait>::Column::iter() {
        active.reset(column);
    }
    active.update(connection).await?;
    Ok(())
}
