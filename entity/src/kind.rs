//! The closed sets of words that columns hold. Stored as the words of the API, so that a look into the database
//! reads like the API. No behaviour.

use sea_orm::entity::prelude::*;

mod input;

pub use input::*;

/// Who may open doors from a front end.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum UnlockVisibility {
    /// `MEMBERS`
    #[sea_orm(string_value = "MEMBERS")]
    Members,
    /// `PUBLIC`
    #[sea_orm(string_value = "PUBLIC")]
    Public,
}

/// What a token may do.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Role {
    /// `ADMIN`
    #[sea_orm(string_value = "ADMIN")]
    Admin,
    /// `APP`
    #[sea_orm(string_value = "APP")]
    App,
    /// `READER`
    #[sea_orm(string_value = "READER")]
    Reader,
    /// `MEMBER`
    #[sea_orm(string_value = "MEMBER")]
    Member,
}

/// How the connection to Kisi is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum KisiStatus {
    /// `CONNECTED`
    #[sea_orm(string_value = "CONNECTED")]
    Connected,
    /// `UNAUTHORIZED`
    #[sea_orm(string_value = "UNAUTHORIZED")]
    Unauthorized,
    /// `UNREACHABLE`
    #[sea_orm(string_value = "UNREACHABLE")]
    Unreachable,
    /// `DISCONNECTED`
    #[sea_orm(string_value = "DISCONNECTED")]
    Disconnected,
}

/// Whether a Kisi organization can do something, as far as it has been seen.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Ability {
    /// `UNKNOWN`
    #[sea_orm(string_value = "UNKNOWN")]
    Unknown,
    /// `YES`
    #[sea_orm(string_value = "YES")]
    Yes,
    /// `NO`
    #[sea_orm(string_value = "NO")]
    No,
}

/// What becomes of people in a managed group who are there by somebody else's doing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum StrangerPolicy {
    /// `KEEP`
    #[sea_orm(string_value = "KEEP")]
    Keep,
    /// `REMOVE`
    #[sea_orm(string_value = "REMOVE")]
    Remove,
}

/// The kind of a source.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Platform {
    /// `CANONICAL`
    #[sea_orm(string_value = "CANONICAL")]
    Canonical,
    /// `CLUBSPOT`
    #[sea_orm(string_value = "CLUBSPOT")]
    Clubspot,
    /// `TEAMUP`
    #[sea_orm(string_value = "TEAMUP")]
    Teamup,
    /// `SPACEBRING`
    #[sea_orm(string_value = "SPACEBRING")]
    Spacebring,
    /// `EXERCISE_COM`
    #[sea_orm(string_value = "EXERCISE_COM")]
    ExerciseCom,
    /// `MAPPED`
    #[sea_orm(string_value = "MAPPED")]
    Mapped,
}

/// How a source's webhooks are signed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum SignatureScheme {
    /// `STANDARD_WEBHOOKS`
    #[sea_orm(string_value = "STANDARD_WEBHOOKS")]
    StandardWebhooks,
    /// `SVIX`
    #[sea_orm(string_value = "SVIX")]
    Svix,
    /// `STRIPE`
    #[sea_orm(string_value = "STRIPE")]
    Stripe,
    /// `OFFICERND`
    #[sea_orm(string_value = "OFFICERND")]
    Officernd,
    /// `HUB_SHA256`
    #[sea_orm(string_value = "HUB_SHA256")]
    HubSha256,
    /// `MINDBODY`
    #[sea_orm(string_value = "MINDBODY")]
    Mindbody,
    /// `NEXUDUS`
    #[sea_orm(string_value = "NEXUDUS")]
    Nexudus,
    /// `PUSHPRESS`
    #[sea_orm(string_value = "PUSHPRESS")]
    Pushpress,
    /// `NUDGE`
    #[sea_orm(string_value = "NUDGE")]
    Nudge,
}

/// Of what a snapshot named everything.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum SourceAspect {
    /// `MEMBERS`
    #[sea_orm(string_value = "MEMBERS")]
    Members,
    /// `COMPANIES`
    #[sea_orm(string_value = "COMPANIES")]
    Companies,
    /// `MEMBERSHIPS`
    #[sea_orm(string_value = "MEMBERSHIPS")]
    Memberships,
    /// `REGISTRATIONS`
    #[sea_orm(string_value = "REGISTRATIONS")]
    Registrations,
    /// `PURCHASES`
    #[sea_orm(string_value = "PURCHASES")]
    Purchases,
}

/// What a word about a person is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum PersonAspect {
    /// `EMAIL`
    #[sea_orm(string_value = "EMAIL")]
    Email,
    /// `NAME`
    #[sea_orm(string_value = "NAME")]
    Name,
    /// `TAGS`
    #[sea_orm(string_value = "TAGS")]
    Tags,
    /// `COMPANIES`
    #[sea_orm(string_value = "COMPANIES")]
    Companies,
    /// `DELETED`
    #[sea_orm(string_value = "DELETED")]
    Deleted,
    /// `UNLISTED`
    #[sea_orm(string_value = "UNLISTED")]
    Unlisted,
}

/// What a word about a company is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum CompanyAspect {
    /// `NAME`
    #[sea_orm(string_value = "NAME")]
    Name,
    /// `PEOPLE`
    #[sea_orm(string_value = "PEOPLE")]
    People,
    /// `DELETED`
    #[sea_orm(string_value = "DELETED")]
    Deleted,
    /// `UNLISTED`
    #[sea_orm(string_value = "UNLISTED")]
    Unlisted,
}

/// What kind of thing is sold or booked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum OfferingKind {
    /// `MEMBERSHIP`
    #[sea_orm(string_value = "MEMBERSHIP")]
    Membership,
    /// `BILLING_ITEM`
    #[sea_orm(string_value = "BILLING_ITEM")]
    BillingItem,
    /// `CLASS`
    #[sea_orm(string_value = "CLASS")]
    Class,
    /// `APPOINTMENT`
    #[sea_orm(string_value = "APPOINTMENT")]
    Appointment,
    /// `COURSE`
    #[sea_orm(string_value = "COURSE")]
    Course,
    /// `ROOM`
    #[sea_orm(string_value = "ROOM")]
    Room,
    /// `DESK`
    #[sea_orm(string_value = "DESK")]
    Desk,
    /// `OFFICE`
    #[sea_orm(string_value = "OFFICE")]
    Office,
    /// `EQUIPMENT`
    #[sea_orm(string_value = "EQUIPMENT")]
    Equipment,
    /// `PARKING`
    #[sea_orm(string_value = "PARKING")]
    Parking,
    /// `RESOURCE`
    #[sea_orm(string_value = "RESOURCE")]
    Resource,
}

/// What kind of thing is held.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum EntitlementKind {
    /// `MEMBERSHIP`
    #[sea_orm(string_value = "MEMBERSHIP")]
    Membership,
    /// `REGISTRATION`
    #[sea_orm(string_value = "REGISTRATION")]
    Registration,
    /// `PURCHASE`
    #[sea_orm(string_value = "PURCHASE")]
    Purchase,
}

/// Why a membership is blocked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum BlockReason {
    /// `PAYMENT_FAILED`
    #[sea_orm(string_value = "PAYMENT_FAILED")]
    PaymentFailed,
    /// `PAYMENT_RETRYING`
    #[sea_orm(string_value = "PAYMENT_RETRYING")]
    PaymentRetrying,
    /// `MANUAL`
    #[sea_orm(string_value = "MANUAL")]
    Manual,
}

/// How somebody beside the holder has part in an entitlement.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Part {
    /// `SHARED`
    #[sea_orm(string_value = "SHARED")]
    Shared,
    /// `GUEST`
    #[sea_orm(string_value = "GUEST")]
    Guest,
}

/// What a rule is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum TargetKind {
    /// `GROUP`
    #[sea_orm(string_value = "GROUP")]
    Group,
    /// `LOCK`
    #[sea_orm(string_value = "LOCK")]
    Lock,
}

/// What access can be given to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ScopeKind {
    /// `GROUP`
    #[sea_orm(string_value = "GROUP")]
    Group,
    /// `LOCK`
    #[sea_orm(string_value = "LOCK")]
    Lock,
    /// `PLACE`
    #[sea_orm(string_value = "PLACE")]
    Place,
    /// `ACCOUNT`
    #[sea_orm(string_value = "ACCOUNT")]
    Account,
}

/// How a grant is, as the API says it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum GrantState {
    /// `PENDING`
    #[sea_orm(string_value = "PENDING")]
    Pending,
    /// `CONFIRMED`
    #[sea_orm(string_value = "CONFIRMED")]
    Confirmed,
    /// `UNKNOWN`
    #[sea_orm(string_value = "UNKNOWN")]
    Unknown,
    /// `REVOKING`
    #[sea_orm(string_value = "REVOKING")]
    Revoking,
    /// `HELD`
    #[sea_orm(string_value = "HELD")]
    Held,
    /// `FAILED`
    #[sea_orm(string_value = "FAILED")]
    Failed,
}

/// What Kisi was, or was about to be, asked to do with a grant.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Intent {
    /// `NONE`
    #[sea_orm(string_value = "NONE")]
    None,
    /// `CREATE`
    #[sea_orm(string_value = "CREATE")]
    Create,
    /// `CHANGE`
    #[sea_orm(string_value = "CHANGE")]
    Change,
    /// `DELETE`
    #[sea_orm(string_value = "DELETE")]
    Delete,
}

/// How the brake takes what a cause would take away.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Weight {
    /// `JUDGED`
    #[sea_orm(string_value = "JUDGED")]
    Judged,
    /// `BY_NAME`
    #[sea_orm(string_value = "BY_NAME")]
    ByName,
    /// `OWN_WORD`
    #[sea_orm(string_value = "OWN_WORD")]
    OwnWord,
}

/// What became of access that would be lost early.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum RevocationState {
    /// `ASKED`
    #[sea_orm(string_value = "ASKED")]
    Asked,
    /// `HELD`
    #[sea_orm(string_value = "HELD")]
    Held,
    /// `PASSED`
    #[sea_orm(string_value = "PASSED")]
    Passed,
    /// `APPROVED`
    #[sea_orm(string_value = "APPROVED")]
    Approved,
    /// `DISMISSED`
    #[sea_orm(string_value = "DISMISSED")]
    Dismissed,
    /// `COUNTED`
    #[sea_orm(string_value = "COUNTED")]
    Counted,
}

/// What became of a delivery.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum DeliveryStatus {
    /// `ACCEPTED`
    #[sea_orm(string_value = "ACCEPTED")]
    Accepted,
    /// `SETTLED`
    #[sea_orm(string_value = "SETTLED")]
    Settled,
    /// `HELD`
    #[sea_orm(string_value = "HELD")]
    Held,
    /// `IGNORED`
    #[sea_orm(string_value = "IGNORED")]
    Ignored,
    /// `FAILED`
    #[sea_orm(string_value = "FAILED")]
    Failed,
}

/// What kind of thing happened.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum HistoryKind {
    /// `GRANTED`
    #[sea_orm(string_value = "GRANTED")]
    Granted,
    /// `ADOPTED`
    #[sea_orm(string_value = "ADOPTED")]
    Adopted,
    /// `CHANGED`
    #[sea_orm(string_value = "CHANGED")]
    Changed,
    /// `REVOKED`
    #[sea_orm(string_value = "REVOKED")]
    Revoked,
    /// `HELD`
    #[sea_orm(string_value = "HELD")]
    Held,
    /// `REFUSED_BY_KISI`
    #[sea_orm(string_value = "REFUSED_BY_KISI")]
    RefusedByKisi,
    /// `DRIFT_FOUND`
    #[sea_orm(string_value = "DRIFT_FOUND")]
    DriftFound,
    /// `UNLOCKED`
    #[sea_orm(string_value = "UNLOCKED")]
    Unlocked,
    /// `UNLOCK_DENIED`
    #[sea_orm(string_value = "UNLOCK_DENIED")]
    UnlockDenied,
    /// `SHARED`
    #[sea_orm(string_value = "SHARED")]
    Shared,
    /// `SHARE_ENDED`
    #[sea_orm(string_value = "SHARE_ENDED")]
    ShareEnded,
    /// `SUSPENDED`
    #[sea_orm(string_value = "SUSPENDED")]
    Suspended,
    /// `RESUMED`
    #[sea_orm(string_value = "RESUMED")]
    Resumed,
    /// `RULE_CHANGED`
    #[sea_orm(string_value = "RULE_CHANGED")]
    RuleChanged,
}

/// What became of an unlock that was asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum PressState {
    /// `ASKED`: nobody has sent it yet.
    #[sea_orm(string_value = "ASKED")]
    Asked,
    /// `TAKEN`: somebody may send it, or has.
    #[sea_orm(string_value = "TAKEN")]
    Taken,
    /// `UNLOCKED`
    #[sea_orm(string_value = "UNLOCKED")]
    Unlocked,
    /// `DENIED`: the rules say no.
    #[sea_orm(string_value = "DENIED")]
    Denied,
    /// `NOT_VISIBLE`: the club lets only people with an active membership unlock.
    #[sea_orm(string_value = "NOT_VISIBLE")]
    NotVisible,
    /// `REFUSED`: Kisi refused.
    #[sea_orm(string_value = "REFUSED")]
    Refused,
    /// `UNAUTHORIZED`: Kisi refused the account's key.
    #[sea_orm(string_value = "UNAUTHORIZED")]
    Unauthorized,
    /// `NOT_SENT`: Kisi was not reached, so nothing happened.
    #[sea_orm(string_value = "NOT_SENT")]
    NotSent,
    /// `UNKNOWN`: it may have happened.
    #[sea_orm(string_value = "UNKNOWN")]
    Unknown,
}
