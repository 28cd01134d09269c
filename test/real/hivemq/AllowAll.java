import com.hivemq.embedded.EmbeddedExtension;
import com.hivemq.embedded.EmbeddedHiveMQ;
import com.hivemq.extension.sdk.api.ExtensionMain;
import com.hivemq.extension.sdk.api.auth.SimpleAuthenticator;
import com.hivemq.extension.sdk.api.parameter.*;
import com.hivemq.extension.sdk.api.services.Services;
import java.nio.file.Path;

/** HiveMQ CE with files in one folder (conf, data), letting everybody in: by itself it lets nobody. */
public final class AllowAll implements ExtensionMain {
    public static void main(final String[] arguments) throws Exception {
        final Path home = Path.of(arguments[0]);
        final EmbeddedExtension extension = EmbeddedExtension.builder()
                .withId("allow-all").withName("allow all").withVersion("1").withPriority(0).withStartPriority(1000)
                .withExtensionMain(new AllowAll()).build();
        final EmbeddedHiveMQ broker = EmbeddedHiveMQ.builder()
                .withConfigurationFolder(home.resolve("conf")).withDataFolder(home.resolve("data"))
                .withExtensionsFolder(home.resolve("extensions")).withEmbeddedExtension(extension).build();
        broker.start().join();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> broker.stop().join()));
        Thread.currentThread().join();
    }

    @Override
    public void extensionStart(final ExtensionStartInput input, final ExtensionStartOutput output) {
        final SimpleAuthenticator everybody = (asked, answer) -> answer.authenticateSuccessfully();
        Services.securityRegistry().setAuthenticatorProvider(asked -> everybody);
    }

    @Override
    public void extensionStop(final ExtensionStopInput input, final ExtensionStopOutput output) {
    }
}
