// What the desk's screen asks: a READER token is enough for all of it.
import { graphql } from "../gql";

export const Desk = graphql(`
  query Desk {
    viewer {
      role
      tokenName
    }
    club {
      name
      timeZone
    }
    locks(first: 250) {
      nodes {
        id
        name
        online
        place {
          name
        }
      }
    }
  }
`);

export const Search = graphql(`
  query Search($search: String!) {
    members(first: 12, filter: { search: $search }) {
      totalCount
      nodes {
        id
        name
        email
        suspension {
          id
        }
      }
    }
  }
`);

export const Person = graphql(`
  query Person($member: ID!) {
    member(id: $member) {
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
      suspension {
        reason
        until
      }
      doors {
        until
        lock {
          id
        }
      }
      access {
        until
      }
      entitlements {
        __typename
        id
        offering {
          name
        }
        source {
          name
        }
        company {
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
    }
    history(first: 12, filter: { member: $member }) {
      nodes {
        id
        at
        kind
        message
        cause
      }
    }
  }
`);

export const Explain = graphql(`
  query Explain($member: ID!, $target: ID!) {
    explain(member: $member, target: $target) {
      decision {
        allowed
        until
        message(audience: DESK)
      }
      fixes {
        by
        message(audience: DESK)
      }
      nextChangeAt
      suspension {
        reason
      }
      shares {
        id
        from
        until
        note
      }
      rules {
        holds
        rule {
          id
          name
          summary
        }
        conditions {
          holds
          because {
            id
            offering {
              name
            }
          }
          nearMisses {
            code
            message
          }
        }
      }
      grants {
        id
        state
        problem
        confirmedAt
      }
    }
  }
`);

export const HappenedTo = graphql(`
  subscription HappenedTo($member: ID!) {
    accessEvents(filter: { member: $member }) {
      id
      kind
      message
    }
  }
`);
