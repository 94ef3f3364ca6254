import { MapOf, optionalText, Preserved, Type, type Static } from "../../meta/schema.ts";

const textMap = (description: string) => Type.Optional(MapOf(Type.String(), { description }));

/** The first kind of filter: all attributes must be there with exactly these values; an empty value stands for any. */
export const TriggerFilter = Type.Object({
  attributes: textMap("Attributes and their exact values. An empty value stands for any value that is there."),
});
export type TriggerFilter = Static<typeof TriggerFilter>;

/** One filter in one dialect. Nested ones are checked by admission, for a CustomResourceDefinition has no recursion. */
export interface SubscriptionsAPIFilter {
  exact?: Record<string, string>;
  prefix?: Record<string, string>;
  suffix?: Record<string, string>;
  all?: SubscriptionsAPIFilter[];
  any?: SubscriptionsAPIFilter[];
  not?: SubscriptionsAPIFilter;
  /** Not served; refused. */
  cesql?: string;
}

const nested = (description: string) => Type.Optional(Type.Array(Preserved<SubscriptionsAPIFilter>(), { description }));

/** The schema of a filter, down to the first nesting. */
export const SubscriptionsAPIFilter = Type.Object({
  exact: textMap("All of these attributes have exactly these values."),
  prefix: textMap("The values of all of these attributes begin so."),
  suffix: textMap("The values of all of these attributes end so."),
  all: nested("All of these filters match."),
  any: nested("One of these filters matches, or several."),
  not: Type.Optional(Preserved<SubscriptionsAPIFilter>({ description: "This filter does not match." })),
  cesql: optionalText("Not served; a Trigger with it is refused."),
});
