import { Broker, defaultBroker } from "@kelvin/api/eventing/v1";
import { openController, watching, type Controller } from "@kelvin/controller";
import { ConfigMap, keyOf, keyText, openInformer } from "@kelvin/kube";
import type { ControllerKit } from "../controller-kit.ts";
import { wokenByBus } from "../woken-by-bus.ts";
import { configNameOf, makeBrokerConfigs } from "./broker-configs.ts";
import { finalizeBroker, reconcileBroker } from "./reconcile.ts";

/** Wakes a Broker when it, its configuration, its dead-letter sink or its bus changes. */
export function openBrokerController(kit: ControllerKit): Controller {
  const { common, informers, destinations, buses, systemNamespace, settings } = kit;
  const { brokers } = informers;
  const tracker = destinations.openTracker();
  const configMaps = openInformer(common.kube, ConfigMap, {
    namespace: systemNamespace,
    onError: (err) => common.log.warn({ err, kind: "ConfigMap" }, "Watching failed, trying again"),
  });
  const configs = makeBrokerConfigs({ kube: common.kube, configMaps, systemNamespace });
  const configuredBy = (configMap: ConfigMap) => {
    const key = keyText(keyOf(configMap));
    const isConfigured = (broker: Broker): boolean => {
      const name = configNameOf(broker);
      return name !== undefined && keyText(name) === key;
    };
    return brokers.list().filter(isConfigured).map(keyOf);
  };
  const controller = openController({
    ...common,
    name: "broker-controller",
    kind: Broker,
    informer: brokers,
    watches: [watching(configMaps, configuredBy), tracker.wakes, wokenByBus(buses, brokers)],
    default: (broker) => defaultBroker(broker, { config: settings() }),
    finalizerName: "brokers.eventing.knative.dev",
    finalize: (broker, context) => finalizeBroker(broker, { ...context, buses }),
    forget: (key) => tracker.forget(key),
    reconcile: (broker, context) =>
      tracker.asking(context.key, (lookup) =>
        reconcileBroker(broker, { ...context, lookup, configs, buses, systemNamespace }),
      ),
  });
  return {
    ...controller,
    async close() {
      await controller.close();
      await configMaps.close();
    },
  };
}
