//! The GraphQL type `Place`: a Kisi place (a building) with its locks and groups. Locks and groups require a staff token.

use async_graphql::{Context, ID, Object, Result};

use super::{
    context::require_staff, group::Group, kisi_account::KisiAccount, loader, lock::Lock, node,
    page, scalar::TimeZone,
};
use crate::{id::Kind, store::row};

#[derive(Clone, Debug)]
pub struct Place(pub row::Place);

impl From<row::Place> for Place {
    fn from(row: row::Place) -> Self {
        Self(row)
    }
}

/// A Kisi place: a building with its locks and groups.
#[Object(crate = "crate::graphql::resolve")]
impl Place {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Place, self.0.id)
    }

    /// Kisi's id of the place.
    pub async fn kisi_id(&self) -> ID {
        self.0.kisi_id.into()
    }

    /// Name in Kisi.
    pub async fn name(&self) -> &str {
        &self.0.name
    }

    /// Time zone in Kisi; null if Kisi has none.
    async fn time_zone(&self) -> Option<TimeZone> {
        self.0.time_zone.clone().map(TimeZone)
    }

    /// The Kisi account that it was read from.
    async fn account(&self, context: &Context<'_>) -> Result<KisiAccount> {
        loader::load_required(context, loader::AccountKey(self.0.account_id))
            .await
            .map(KisiAccount)
    }

    /// The locks in it.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn locks(&self, context: &Context<'_>) -> Result<Vec<Lock>> {
        require_staff(context)?;
        let layout = loader::layout(context).await?;
        let here = layout
            .locks
            .iter()
            .filter(|lock| lock.place_id == Some(self.0.id));
        Ok(here.cloned().map(Lock).collect())
    }

    /// The groups that belong to it.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity)")]
    async fn groups(&self, context: &Context<'_>) -> Result<Vec<Group>> {
        require_staff(context)?;
        let layout = loader::layout(context).await?;
        let here = layout
            .groups
            .iter()
            .filter(|group| group.place_id == Some(self.0.id));
        Ok(here.cloned().map(Group).collect())
    }
}

page::connection!(
    /// A page of places.
    PlaceConnection,
    /// A place and its cursor.
    PlaceEdge,
    Place
);
