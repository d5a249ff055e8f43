/**
 * The one-way rule: a room imports only from the rooms this table lists for it.
 *
 * `imports` may be used freely, of `types` only types, and `files` are single files of other rooms.
 * A folder under `src` that is not in the table is an error, so that a new room starts with a
 * decision about what it may know. Tests may import anything.
 */
const rooms = {
  spec: {
    why: "spec is the language alone, so that other tools can read and write it.",
  },
  dockerfile: {
    imports: ["spec"],
    why: "dockerfile turns a spec into another tool's text; nothing of ours depends on it.",
  },
  profile: {
    types: ["plan"],
    files: ["spec/duration", "spec/did-you-mean"],
    why: "profile turns text into a profile; with the language it shares how a duration is written.",
  },
  plan: {
    imports: ["spec"],
    why: "plan is arithmetic over a spec and answers it is given: same inputs, same ids, no disk.",
  },
  context: {
    imports: ["plan"],
    files: ["spec/did-you-mean"],
    why: "context reads the host directory into the plan's manifests and knows nothing of machines.",
  },
  tree: {
    imports: ["context"],
    types: ["plan"],
    why: "tree checks what a guest hands out as a tar archive, before any of it reaches a guest or the host.",
  },
  store: {
    imports: ["plan"],
    types: ["profile"],
    files: ["context/tar-header"],
    why: "store keeps layers by id and records a profile, but never acts on one; with context it shares how a tar header is written.",
  },
  machine: {
    imports: ["profile"],
    why: "machine runs one QEMU as its profile says and knows neither steps nor stores.",
  },
  suspend: {
    imports: ["machine", "profile"],
    why: "suspend saves a machine and goes on with it later; what runs in it, and whose it is, it does not know.",
  },
  sandbox: {
    imports: ["machine", "suspend", "profile", "context"],
    types: ["plan"],
    why: "sandbox runs one step on one disk; where disks come from is not its business.",
  },
  yaml: {
    imports: ["spec"],
    why: "yaml reads YAML with the places of what is in it; with spec it shares how a text's problems are told.",
  },
  download: {
    imports: ["store"],
    files: ["spec/did-you-mean"],
    why: "download gets files and keeps them in the store by their checksums; what they are for it does not know.",
  },
  architecture: {
    imports: ["spec", "yaml"],
    files: ["download/checksum", "download/source", "profile/byte-size", "store/qemu-img-argv"],
    why: "architecture turns a text into a list of images; others get, convert and write them.",
  },
  cloudinit: {
    imports: ["spec", "yaml"],
    files: ["machine/qmp-connect", "machine/timer"],
    why: "cloudinit makes, checks and serves what cloud-init reads in a guest, and hears how it ended; with spec it shares how a text's problems are told, with machine how a socket of QEMU's is connected to.",
  },
  task: {
    imports: ["cloudinit", "machine"],
    why: "task runs a guest that cloud-init configures; where disks come from is not its business.",
  },
  image: {
    imports: ["store", "machine", "profile", "sandbox"],
    types: ["plan"],
    why: "image makes and imports base images; it does not build specs.",
  },
  build: {
    imports: ["spec", "plan", "profile", "context", "tree"],
    types: ["store", "machine", "sandbox", "image"],
    files: ["store/fs-failure"],
    why: "build sees stores, machines, sandboxes and images through their interfaces, so that tests can hand it fakes.",
  },
  appliance: {
    imports: ["spec", "plan", "machine", "sandbox", "store", "image", "build"],
    why: "appliance edits a disk in a small machine of ours; what for, it does not know.",
  },
  seal: {
    imports: ["appliance"],
    types: ["build"],
    files: ["machine/posix-quote", "spec/did-you-mean"],
    why: "seal is a list of shell snippets and what an appliance is asked with them.",
  },
  customize: {
    imports: ["appliance"],
    types: ["build"],
    files: ["machine/posix-quote", "spec/did-you-mean", "store/fs-failure", "store/regular-file"],
    why: "customize is virt-customize's vocabulary as shell, and what an appliance is asked with it.",
  },
  files: {
    imports: ["appliance", "tree"],
    files: ["machine/posix-quote"],
    why: "files asks an appliance for what is on a disk, and reads its answer.",
  },
  inspect: {
    imports: ["appliance", "tree"],
    files: ["store/qemu-img"],
    why: "inspect asks an appliance for the files in which a system says what it is, and reads them.",
  },
  cli: {
    imports: [
      "spec",
      "dockerfile",
      "profile",
      "plan",
      "context",
      "tree",
      "store",
      "machine",
      "suspend",
      "sandbox",
      "yaml",
      "download",
      "architecture",
      "cloudinit",
      "task",
      "image",
      "build",
      "appliance",
      "seal",
      "customize",
      "files",
      "inspect",
    ],
    why: "cli puts the parts together, as nothing else but create-environment.ts may.",
  },
};

/** Rooms that touch neither disk nor processes nor network; these parts of Node they may use. */
const pureRooms = ["spec", "dockerfile", "profile", "plan", "yaml", "architecture"];
const pureModules = ["buffer", "crypto", "path", "util"];

/** Packages with an API of their own kind stay behind the rooms that wrap them. */
const wrappedPackages = {
  ssh2: { in: ["machine"], why: "ssh2's callbacks and types end where machine wraps them." },
  execa: {
    in: ["machine", "store", "image", "sandbox", "customize", "cli"],
    why: "programs are started where their failures are turned into values.",
  },
  commander: { in: ["cli"], why: "only the command line parses arguments." },
  yaml: {
    in: ["yaml", "cloudinit"],
    why: "its documents end where yaml reads values from them, but for a user's cloud-config, which keeps its text when something is merged into it.",
  },
};

const anyOf = (names) => `(${names.join("|")})`;
const room = (...names) => `^src/${anyOf(names)}/`;
const test = "[.]test[.]ts$";
/** What every room may use. */
const shared = "^src/(result|until-aborted)[.]ts$";
const index = "^src/index[.]ts$";
/** The library's composition root: the one file outside `cli` that puts real parts together. */
const composition = "^src/create-environment[.]ts$";
const inAnyRoom = room(...Object.keys(rooms));

function roomRules([name, { imports = [], types = [], files = [], why }]) {
  const from = { path: room(name), pathNot: test };
  const singleFiles = files.map((file) => `^src/${file}[.]ts$`);
  const allowed = [shared, room(name, ...imports, ...types), ...singleFiles];
  if (name === "cli") allowed.push(composition);
  const rules = [
    {
      name: `${name}-imports`,
      comment: why,
      severity: "error",
      from,
      to: { path: "^src/", pathNot: allowed },
    },
  ];
  if (types.length > 0) {
    rules.push({
      name: `${name}-imports-types-only`,
      comment: why,
      severity: "error",
      from,
      to: { path: room(...types), pathNot: singleFiles, dependencyTypesNot: ["type-only"] },
    });
  }
  return rules;
}

function packageRule([name, { in: allowed, why }]) {
  return {
    name: `${name}-stays-wrapped`,
    comment: why,
    severity: "error",
    from: { path: "^src/", pathNot: [room(...allowed), test] },
    to: { path: `^node_modules/(@types/)?${name}/` },
  };
}

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...Object.entries(rooms).flatMap(roomRules),
    ...Object.entries(wrappedPackages).map(packageRule),
    {
      name: "shared-imports-nothing",
      comment: "Every room may import these, so they know none of them.",
      severity: "error",
      from: { path: shared },
      to: {},
    },
    {
      name: "index-is-not-the-cli",
      comment: "The library is what a program imports; the command line is no part of it.",
      severity: "error",
      from: { path: index },
      to: { path: room("cli") },
    },
    {
      name: "composition-is-not-the-cli",
      comment: "A program that uses the library has no command line.",
      severity: "error",
      from: { path: composition },
      to: { path: room("cli") },
    },
    {
      name: "nobody-imports-the-index",
      comment: "Rooms import each other, not the public index, which would tie them into a knot.",
      severity: "error",
      from: { path: "^src/", pathNot: test },
      to: { path: index },
    },
    {
      name: "a-new-room-is-a-decision",
      comment: "Add the folder to the table in .dependency-cruiser.mjs, with what it may import.",
      severity: "error",
      from: {},
      to: { path: "^src/", pathNot: [inAnyRoom, shared, index, composition] },
    },
    {
      name: "a-new-room-is-a-decision-too",
      comment: "As above, for a file that nothing imports yet.",
      severity: "error",
      from: { path: "^src/", pathNot: [inAnyRoom, shared, index, composition, test] },
      to: {},
    },
    {
      name: "pure-rooms-touch-nothing",
      comment:
        "spec, dockerfile, profile, plan, yaml and architecture get text and give values: no file, process or socket.",
      severity: "error",
      from: { path: room(...pureRooms), pathNot: test },
      to: {
        dependencyTypes: ["core"],
        pathNot: `^(node:)?${anyOf(pureModules)}(/|$)`,
      },
    },
    {
      name: "no-cycles",
      comment: "Two files that need each other, be it by type, are one file or three.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-orphans",
      comment: "A file that nothing imports and that imports nothing is not part of the program.",
      severity: "error",
      from: { orphan: true, pathNot: [test, "[.]d[.]ts$"] },
      to: {},
    },
    {
      name: "reachable-from-the-cli",
      comment: "What the command line does not lead to belongs under test/, or nowhere.",
      severity: "error",
      from: { path: "^src/cli/main[.]ts$" },
      to: { path: "^src/", pathNot: [test, index], reachable: false },
    },
    {
      name: "src-does-not-know-its-tests",
      comment: "What ships must not lean on what does not.",
      severity: "error",
      from: { path: "^src/", pathNot: test },
      to: { path: ["^test/", test] },
    },
    {
      name: "src-uses-no-development-packages",
      comment: "A user's install has only `dependencies`.",
      severity: "error",
      from: { path: "^src/", pathNot: test },
      to: { dependencyTypes: ["npm-dev"], pathNot: "^node_modules/@types/" },
    },
    {
      name: "declared-packages-only",
      comment: "A package that package.json does not name may be gone with the next install.",
      severity: "error",
      from: {},
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "imports-resolve",
      comment: "An import that leads nowhere.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    // Imports that vanish when compiled count too: a type is knowledge of its room.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "node", "default"],
    },
  },
};
