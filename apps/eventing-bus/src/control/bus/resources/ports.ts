/** Where every dispatcher takes events; v0.1 tells it by PORT. */
export const httpPort = 8080;

/** Where ours tells what it serves, and whether it lives. */
export const internalPort = 8090;
