//! The table rows under their domain names, for use outside of `store`.

pub use entity::{
    access_group::Model as Group, arrival::Model as Arrival, check_in::Model as CheckIn,
    club::Model as Club, company::Model as Company, company_person::Model as CompanyPerson,
    company_version::Model as CompanyVersion, delivery::Model as Delivery, due::Model as Due,
    entitlement::Model as Entitlement, entitlement_person::Model as EntitlementPerson,
    entitlement_version::Model as EntitlementVersion, group_lock::Model as GroupLock,
    history::Model as HistoryEntry, kind::*, kisi_account::Model as KisiAccount,
    kisi_event::Model as KisiEvent, kisi_grant::Model as Grant,
    kisi_listener::Model as KisiListener, kisi_login::Model as KisiLogin,
    kisi_user::Model as KisiUser, location::Model as Location, lock::Model as Lock,
    member::Model as Member, offering::Model as Offering, person::Model as Person,
    person_past::Model as PersonPast, person_version::Model as PersonVersion,
    place::Model as Place, rejection::Model as Rejection, revocation::Model as Revocation,
    rule::Model as Rule, share::Model as Share, source::Model as Source,
    source_version::Model as SourceVersion, suspension::Model as Suspension, token::Model as Token,
    unlock_request::Model as UnlockRequest, webhook_attempt::Model as WebhookAttempt,
    webhook_endpoint::Model as WebhookEndpoint, webhook_message::Model as WebhookMessage,
};
