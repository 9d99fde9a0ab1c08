// What the list of people asks.
import { graphql } from "../../gql";

export const People = graphql(`
  query People($first: Int!, $after: String, $filter: MemberFilter, $orderBy: MemberOrder!, $at: DateTime) {
    members(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        name
        email
        companies {
          id
          name
        }
        suspension {
          id
          until
        }
        problems {
          code
          message
        }
        entitlements(at: $at) {
          __typename
          id
          offering {
            id
            name
          }
          ... on Membership {
            membershipStatus: status
            blocked {
              reason
            }
          }
          ... on Registration {
            registrationStatus: status
          }
          ... on Purchase {
            purchaseStatus: status
          }
        }
        doors {
          until
          lock {
            id
            name
          }
        }
      }
    }
  }
`);

/** The choices of the filters. */
export const PeopleFilters = graphql(`
  query PeopleFilters {
    groups(first: 250) {
      nodes {
        id
        name
      }
    }
    locks(first: 250) {
      nodes {
        id
        name
      }
    }
    offerings(first: 250) {
      nodes {
        id
        name
        kind
      }
    }
    companies(first: 250) {
      nodes {
        id
        name
      }
    }
  }
`);
