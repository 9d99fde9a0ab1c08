//! The members that an entitlement may reach. `facts` reads the content of entitlements.

use crate::bulk::select_by_ids;
use entity::{company_person, entitlement_version, person};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{ClubScope, StoreError};

/// Members that the current version of an entitlement may reach: its holder, and the people of the company that holds it.
/// `facts` decides which of them it does reach.
pub async fn holders(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    let current = scope
        .find::<entitlement_version::Entity>()
        .filter(entitlement_version::Column::EntitlementId.eq(id))
        .filter(entitlement_version::Column::SupersededAt.is_null())
        .one(connection)
        .await?;
    let Some(version) = current else {
        return Ok(Vec::new());
    };
    let mut persons: Vec<Uuid> = version.person_id.into_iter().collect();
    if let Some(company) = version.company_id {
        let pairs = scope
            .find::<company_person::Entity>()
            .filter(company_person::Column::CompanyId.eq(company))
            .filter(company_person::Column::SupersededAt.is_null())
            .filter(company_person::Column::Present.eq(true))
            .order_by_asc(company_person::Column::Id)
            .all(connection)
            .await?;
        persons.extend(pairs.into_iter().map(|pair| pair.person_id));
    }
    let people = select_by_ids(
        connection,
        scope.find_for_ids::<person::Entity>(),
        person::Column::Id,
        &persons,
    )
    .await?;
    let members = people.into_iter().map(|person| person.member_id);
    Ok(members.filter(|id| !id.is_nil()).collect())
}
