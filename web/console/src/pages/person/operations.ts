// What the page of a person asks.
import { graphql } from "../../gql";

export const Person = graphql(`
  query Person($id: ID!) {
    club {
      id
      knownSince
    }
    member(id: $id) {
      id
      name
      email
      tags
      companies {
        id
        name
      }
      problems {
        code
        message
      }
      erasure {
        state
      }
      suspension {
        id
        reason
        until
        createdAt
      }
      doors {
        until
        unlockRestrictions
        lock {
          id
          name
        }
      }
      kisiUsers {
        kisiId
        account {
          id
          name
        }
      }
      entitlements {
        __typename
        id
        offering {
          id
          name
          kind
        }
        source {
          id
          name
        }
        company {
          id
          name
        }
        location {
          id
          name
        }
        startsAt
        endsAt
        ... on Membership {
          membershipStatus: status
          blocked {
            reason
            since
          }
        }
        ... on Registration {
          registrationStatus: status
          asGuest
        }
        ... on Purchase {
          purchaseStatus: status
        }
      }
      shares {
        id
        from
        until
        note
        notify
        createdAt
        scope {
          __typename
          ... on Group {
            id
            name
          }
          ... on Place {
            id
            name
          }
          ... on KisiAccount {
            id
            name
          }
        }
      }
    }
  }
`);

/** What can be asked about, unlocked and shared. */
export const AccessTargets = graphql(`
  query AccessTargets {
    locks(first: 250) {
      nodes {
        id
        name
        place {
          id
          name
        }
      }
    }
    groups(first: 250) {
      nodes {
        id
        name
        managed
      }
    }
    places(first: 250) {
      nodes {
        id
        name
      }
    }
    kisiAccounts {
      id
      name
      status
    }
  }
`);
