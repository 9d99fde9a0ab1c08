// What the member's page asks and does. A member session sees itself, its doors and why others are shut: no more is
// asked for than that.
import { graphql } from "../gql";

export const Doors = graphql(`
  query Doors {
    club {
      name
      timeZone
    }
    viewer {
      member {
        id
        name
        suspension {
          until
        }
        doors {
          until
          remoteUnlockable
          lock {
            id
            name
            online
            place {
              name
            }
          }
        }
        access {
          target {
            __typename
            ... on Lock {
              id
              name
            }
          }
          allowed
          until
          message(audience: MEMBER)
        }
      }
    }
  }
`);

export const Why = graphql(`
  query Why($member: ID!, $target: ID!) {
    explain(member: $member, target: $target) {
      decision {
        message(audience: MEMBER)
      }
      fixes {
        code
        by
        message(audience: MEMBER)
      }
      nextChangeAt
    }
  }
`);

export const Unlock = graphql(`
  mutation Unlock($lock: ID!, $key: String!) {
    unlock(input: { lock: $lock, key: $key }) {
      unlocked
      kisiCode
      decision {
        message(audience: MEMBER)
      }
      userErrors {
        code
        message
      }
    }
  }
`);

export const Happened = graphql(`
  subscription Happened {
    accessEvents {
      id
      at
      kind
      target {
        ... on Group {
          name
        }
        ... on Lock {
          name
        }
        ... on Place {
          name
        }
        ... on KisiAccount {
          name
        }
      }
    }
  }
`);
