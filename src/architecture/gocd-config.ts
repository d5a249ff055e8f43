/**
 * GoCD pipelines for the images of an architecture file, in the form of its YAML plugin
 * (https://github.com/tomzo/gocd-yaml-config-plugin): the groups, materials and parameters that gen-vm-image writes, and
 * vmbuild's commands in the place of a template that its server has.
 */
import { failed, ok, type Result } from "../result.ts";
import { writeYaml } from "../yaml/write-yaml.ts";
import type { Architecture, ArchitectureImage } from "./architecture.ts";

export interface GocdRequest {
  /** Where the repository that has the architecture file is fetched from. */
  readonly gitUrl: string;
  readonly branch: string;
  /** The architecture file's path in the repository. */
  readonly architecturePath: string;
  /** The directory for images in a pipeline's copy of the repository. */
  readonly imageDir: string;
}

/** Keys of images that cannot name a pipeline, which has letters, digits, `_`, `-` and `.` only. */
export interface GocdProblem {
  readonly keys: readonly string[];
}

const FORMAT_VERSION = 10;
const GROUP = "bare_metal_vm_image";
const MATERIAL = "vm_images";

/** The text of the configuration: always the same for the same architecture and request. */
export function gocdConfig(
  { images }: Architecture,
  request: GocdRequest,
): Result<string, GocdProblem> {
  const keys = images.map(({ key }) => key);
  const wrong = keys.filter((key) => !/^[\w-][\w.-]{0,254}$/.test(key));
  if (wrong.length > 0) return failed({ keys: wrong });
  return ok(
    writeYaml({
      format_version: FORMAT_VERSION,
      environments: {
        [GROUP]: {
          environment_variables: { GIT_USER: "{{SECRET:[github][username]}}" },
          pipelines: keys,
        },
      },
      pipelines: Object.fromEntries(images.map((image) => [image.key, pipeline(image, request)])),
    }),
  );
}

function pipeline(image: ArchitectureImage, request: GocdRequest) {
  const { gitUrl, branch, architecturePath, imageDir } = request;
  return {
    group: GROUP,
    label_template: "${COUNT}",
    lock_behavior: "none",
    display_order: -1,
    parameters: {
      IMAGE: parameter(image.name),
      IMAGE_PIPELINE: image.key,
      DEFAULT_TAG: parameter(image.version ?? "latest"),
      SRC_DIRECTORY: MATERIAL,
      ARCHITECTURE_PATH: parameter(architecturePath),
      IMAGE_PATH: parameter(`${imageDir}/${image.key}.${image.format}`),
    },
    materials: {
      [MATERIAL]: {
        git: parameter(gitUrl),
        branch: parameter(branch),
        destination: MATERIAL,
        username: "${GIT_USER}",
        password: "{{SECRET:[github][access_token]}}",
      },
    },
    stages: [
      {
        image: {
          jobs: {
            image: {
              tasks: [
                exec([
                  "generate",
                  "--architecture-path=#{ARCHITECTURE_PATH}",
                  "--image=#{IMAGE_PIPELINE}",
                  "--image-output-path=#{IMAGE_PATH}",
                  "--overwrite",
                ]),
                exec(["configure", "--image-input-path=#{IMAGE_PATH}"]),
              ],
            },
          },
        },
      },
    ],
  };
}

function exec(args: readonly string[]) {
  return {
    exec: { working_directory: "#{SRC_DIRECTORY}", command: "vmbuild", arguments: args },
  };
}

/** A `#` begins a parameter's name unless there are two (https://docs.gocd.org, "Parameterize a pipeline"). */
function parameter(text: string): string {
  return text.replaceAll("#", "##");
}
