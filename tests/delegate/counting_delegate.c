/* A small external delegate for tests of the delegate path: it tells what is done with it, and runs int8 RELU.
 *
 * An edgetpu-custom-op, which no runtime knows, is a RELU to it. Its options: log=FILE is told every call; claim=relu
 * takes the RELU operators too; refuse=WORDS makes it refuse to start, crash=1 crash when it sees the model. Others are
 * only told.
 *
 * TFLite's runtimes take a delegate by two functions of a library, and the structures between them are declared here as
 * far as they are used: tensorflow/lite/core/c/common.h calls their order semi-stable, new members come at the end.
 * Tried with ai-edge-litert 2.3, tflite-runtime 2.14 and 2.11 on x86-64.
 */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, ERROR = 1 };
enum { RELU = 19, DELEGATE = 51 }; /* schema.fbs: BuiltinOperator */
enum { INT8 = 9 };                 /* common.h: TfLiteType */
/* Without it the runtime prepares every operator before it asks the delegate, and fails at one that it does not know. */
enum { ALLOW_DYNAMIC_TENSORS = 1 };

struct Context;
struct Delegate;

typedef struct {
  int size;
  int data[];
} IntArray;

/* All of its members: the runtime keeps tensors in an array. */
typedef struct {
  int type;
  void *data;
  IntArray *shape;
  float scale;
  int32_t zero_point;
  int allocation_type;
  size_t size_bytes;
  const void *allocation;
  const char *name;
  struct Delegate *delegate;
  int buffer_handle;
  uint8_t data_is_stale;
  uint8_t is_variable;
  struct {
    int type;
    void *parameters;
  } quantization;
  void *sparsity;
  const IntArray *shape_signature;
} Tensor;

typedef struct {
  IntArray *inputs;
  IntArray *outputs;
  /* more members follow */
} Node;

typedef struct {
  void *(*init)(struct Context *, const char *buffer, size_t length);
  void (*free)(struct Context *, void *buffer);
  int (*prepare)(struct Context *, Node *);
  int (*invoke)(struct Context *, Node *);
  const char *(*profiling_string)(const struct Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *reserved[16]; /* passed by value: room for the members that newer runtimes copy */
} Registration;

typedef struct Context {
  size_t tensor_count;
  int (*execution_plan)(struct Context *, IntArray **plan);
  Tensor *tensors;
  void *runtime;
  int (*resize_tensor)(struct Context *, Tensor *, IntArray *shape);
  void (*report_error)(struct Context *, const char *format, ...);
  int (*add_tensors)(struct Context *, int count, int *first);
  int (*node)(struct Context *, int index, Node **node, Registration **registration);
  int (*replace)(struct Context *, Registration, const IntArray *nodes, struct Delegate *);
  /* more members follow */
} Context;

typedef struct Delegate {
  void *own;
  int (*prepare)(Context *, struct Delegate *);
  void *copy_from_buffer;
  void *copy_to_buffer;
  void *free_buffer;
  int64_t flags;
  void *opaque_builder;
  void *reserved[8];
} Delegate;

typedef struct {
  int claims_relu;
  int crashes;
  char *log;
} Own;

static void tell(const Own *own, const char *format, ...) {
  if (!own->log) return;
  FILE *file = fopen(own->log, "a");
  if (!file) return;
  va_list arguments;
  va_start(arguments, format);
  vfprintf(file, format, arguments);
  va_end(arguments);
  fputc('\n', file);
  fclose(file);
}

static Tensor *input_of(Context *context, const Node *node) { return &context->tensors[node->inputs->data[0]]; }

static Tensor *output_of(Context *context, const Node *node) { return &context->tensors[node->outputs->data[0]]; }

static int run(Context *context, Node *node) {
  const Tensor *input = input_of(context, node);
  Tensor *output = output_of(context, node);
  const int8_t *from = input->data;
  int8_t *to = output->data;
  for (size_t at = 0; at < output->size_bytes; ++at)
    to[at] = from[at] > input->zero_point ? from[at] : (int8_t)input->zero_point;
  return OK;
}

static int ready(Context *context, Node *node) {
  const Tensor *input = input_of(context, node);
  const Tensor *output = output_of(context, node);
  return input->size_bytes == output->size_bytes ? OK : ERROR;
}

static int takes(const Own *own, Context *context, const Node *node, const Registration *registration) {
  const int compiled = registration->custom_name && !strcmp(registration->custom_name, "edgetpu-custom-op");
  if (!compiled && !(own->claims_relu && registration->builtin_code == RELU)) return 0;
  const Tensor *input = input_of(context, node);
  const Tensor *output = output_of(context, node);
  return input->type == INT8 && output->type == INT8 && input->scale == output->scale &&
         input->zero_point == output->zero_point;
}

/* One piece for each operator: `run` knows no more than one. */
static int prepare(Context *context, Delegate *delegate) {
  const Own *own = delegate->own;
  if (own->crashes) abort();
  IntArray *plan;
  if (context->execution_plan(context, &plan) != OK) return ERROR;
  const int count = plan->size;
  int *indices = malloc(sizeof(int) * (size_t)(count + 1));
  if (!indices) return ERROR;
  memcpy(indices, plan->data, sizeof(int) * (size_t)count); /* replacing changes the plan */
  int taken = 0, status = OK;
  for (int at = 0; status == OK && at < count; ++at) {
    Node *node;
    Registration *registration;
    status = context->node(context, indices[at], &node, &registration);
    if (status != OK || !takes(own, context, node, registration)) continue;
    Registration ours;
    memset(&ours, 0, sizeof ours);
    ours.prepare = ready;
    ours.invoke = run;
    ours.builtin_code = DELEGATE;
    ours.custom_name = "CountingDelegate";
    ours.version = 1;
    IntArray *one = malloc(sizeof(IntArray) + sizeof(int));
    if (!one) {
      status = ERROR;
      continue;
    }
    one->size = 1;
    one->data[0] = indices[at];
    status = context->replace(context, ours, one, delegate);
    free(one);
    ++taken;
  }
  free(indices);
  tell(own, "prepare operators=%d taken=%d", count, taken);
  return status;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report_error)(const char *)) {
  Own own = {0, 0, NULL};
  for (size_t at = 0; at < count; ++at) {
    if (!strcmp(keys[at], "refuse")) {
      if (report_error) report_error(values[at]);
      return NULL;
    }
    if (!strcmp(keys[at], "log")) own.log = values[at];
    if (!strcmp(keys[at], "crash")) own.crashes = 1;
    if (!strcmp(keys[at], "claim")) own.claims_relu = !strcmp(values[at], "relu");
  }
  for (size_t at = 0; at < count; ++at) tell(&own, "option %s=%s", keys[at], values[at]);
  Delegate *delegate = calloc(1, sizeof *delegate);
  Own *kept = malloc(sizeof *kept);
  if (!delegate || !kept) return NULL;
  *kept = own;
  kept->log = own.log ? strdup(own.log) : NULL;
  delegate->own = kept;
  delegate->prepare = prepare;
  delegate->flags = ALLOW_DYNAMIC_TENSORS;
  tell(kept, "create");
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
  if (!delegate) return;
  Own *own = delegate->own;
  tell(own, "destroy");
  free(own->log);
  free(own);
  free(delegate);
}
